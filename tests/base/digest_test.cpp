#include "base/digest.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace detox {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Digest, IsSha256OfThePublishedExample) {
  // FIPS 180-2, appendix B.1
  EXPECT_EQ(hex(digest_of(bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, OfPiecesIsTheDigestOfTheWhole) {
  EXPECT_EQ(DigestBuilder().add("a").add(bytes("b")).add("c").finish(), digest_of(bytes("abc")));
}

TEST(Base64, ReadsBackBytesOfEveryLengthAndNothingElse) {
  const std::string all(
      "\x00\x7f\xff\x10"
      "12345",
      9);
  for (std::size_t size = 1; size <= all.size(); ++size) {
    const std::span<const std::byte> part = bytes(all).first(size);
    std::string text = base64(part);
    std::vector<std::byte> back(size);
    EXPECT_TRUE(bytes_from_base64(text, back));
    EXPECT_TRUE(std::ranges::equal(back, part));
    for (const std::string& other :
         {text + "=", " " + text.substr(1), "#" + text.substr(1), text.substr(1)})
      EXPECT_FALSE(bytes_from_base64(other, back)) << other;
  }
  std::vector<std::byte> two(2);
  EXPECT_FALSE(bytes_from_base64("AAB=", two));  // the last bits are no zeros
  EXPECT_FALSE(bytes_from_base64("AAAA", two));
}

TEST(Hex, ReadsBackWhatItWrote) {
  const std::string all("\x00\x7f\xff\x10", 4);
  EXPECT_EQ(bytes_from_hex(hex(bytes(all))), all);
}

TEST(Hex, RefusesWhatIsNoHexadecimalText) {
  EXPECT_EQ(bytes_from_hex("0g"), "");
  EXPECT_EQ(bytes_from_hex("abc"), "");
}

}  // namespace
}  // namespace detox
