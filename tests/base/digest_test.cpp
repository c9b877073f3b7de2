#include "base/digest.hpp"

#include <gtest/gtest.h>

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
