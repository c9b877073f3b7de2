#include "record/journal_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/round_number.hpp"
#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::ElementsAre;

TEST(JournalReader, TakesWholeLinesOfAnyLengthOnce) {
  const TemporaryDirectory folder;
  const std::string longest(3'000'001, 'x');
  std::ofstream file(folder / "j");
  file << "a\n\n" << longest << "\nhalf" << std::flush;
  JournalReader reader(folder / "j");
  std::vector<std::string> lines;
  const auto take = [&](std::string_view line) { lines.emplace_back(line); };
  EXPECT_TRUE(reader.read_on(take));
  EXPECT_THAT(lines, ElementsAre("a", "", longest));
  file << " and half\n" << std::flush;
  EXPECT_TRUE(reader.read_on(take));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines.back(), "half and half");
  EXPECT_EQ(reader.line_number(), 4U);
  std::filesystem::remove(folder / "j");
  EXPECT_FALSE(reader.read_on(take));
  EXPECT_TRUE(reader.read_on(take));
  EXPECT_EQ(lines.size(), 4U);
}

TEST(JournalReader, RefusesALineThatIsTooLong) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "j") << "a\n";
  std::filesystem::resize_file(folder / "j", JournalReader::kLongestLine + (std::size_t{3} << 20U));
  JournalReader reader(folder / "j");
  EXPECT_THROW(reader.read_on([](std::string_view) {}), InputError);
}

TEST(RoundOfLine, IsOfStepAndAttemptAndOfNothingElse) {
  const auto round_of = [](const char* text) { return round_of_line(nlohmann::json::parse(text)); };
  EXPECT_EQ(round_of(R"({"step":7})"), 7U);
  EXPECT_EQ(round_of(R"({"step":7,"attempt":2})"), round_number(2, 7));
  for (const char* bad : {"[]", "{}", R"({"step":"7"})", R"({"step":-7})", R"({"step":7.0})",
                          R"({"step":281474976710656})", R"({"step":7,"attempt":65536})",
                          R"({"step":7,"attempt":null})"})
    EXPECT_EQ(round_of(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace detox
