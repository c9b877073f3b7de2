// Events of TensorBoard's files as bytes. The Python tests of the program read them as TensorBoard
// does.
#include "report/event_record.hpp"

#include <gtest/gtest.h>

#include <string>

#include "report/crc32c.hpp"

namespace detox {
namespace {

TEST(Crc32c, GivesTheValuesOfRfc3720) {
  std::string ascending, descending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
  descending.assign(ascending.rbegin(), ascending.rend());
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
  EXPECT_EQ(crc32c(descending), 0x113FDB5CU);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(EventRecord, IsFramedAndHoldsTheFieldsOfTensorflow) {
  // Length 11 and its checksum; step 7 (field 2), a summary (field 5) with a tag (1) and a float
  // (2).
  const std::string record = event_record({EventKind::kScalars, 0, 7, {{"ab", 1.5}}});
  EXPECT_EQ(record.substr(0, 8), std::string("\x0F\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(record.substr(12, 15), std::string("\x10\x07\x2A\x0B\x0A\x09\x0A\x02"
                                               "ab\x15\0\0\xC0\x3F",
                                               15));
  EXPECT_EQ(record.size(), 12U + 15U + 4U);
}

TEST(EventRecord, OfANewFileAndOfAStartSayWhatTheyAre) {
  EXPECT_EQ(event_record({EventKind::kFileVersion, 0}).substr(12, 15),
            std::string("\x1A\x0D") + "brain.Event:2");
  EXPECT_EQ(event_record({EventKind::kStart, 0, 3}).substr(12, 6),
            std::string("\x10\x03\x3A\x02\x08\x01"));
}

TEST(EventRecord, OfANumberThatNoFloatHoldsIsInfinite) {
  const std::string record = event_record({EventKind::kScalars, 0, 0, {{"a", -1e300}}});
  EXPECT_NE(record.find(std::string("\x15\0\0\x80\xFF", 5)), std::string::npos);
}

}  // namespace
}  // namespace detox
