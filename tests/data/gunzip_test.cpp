#include "data/gunzip.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

/// Feeds the bytes in pieces of this size.
std::string unpack(const std::string& bytes, std::size_t piece_size) {
  std::span<const std::byte> rest = as_bytes_of(bytes);
  std::string plain;
  gunzip(
      "the file",
      [&] {
        const auto piece = rest.first(std::min(piece_size, rest.size()));
        rest = rest.subspan(piece.size());
        return piece;
      },
      [&](std::span<const std::byte> piece) {
        plain.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      });
  return plain;
}

std::string gunzip_error(const std::string& bytes, std::size_t piece_size = 1 << 16) {
  return message_of<InputError>([&] { unpack(bytes, piece_size); });
}

/// Longer than the buffer, and not all equal.
std::string sample() {
  std::string text;
  for (unsigned i = 0; i < 200'000; ++i) text += static_cast<char>(i * i % 251);
  return text;
}

TEST(Gunzip, GivesPlainBytesBackInPiecesOfAnySize) {
  for (const std::string& plain :
       {std::string(), std::string("a"), std::string("\x1f"), sample()}) {
    for (const std::size_t size : {1, 2, 3, 65536}) EXPECT_EQ(unpack(plain, size), plain);
  }
}

TEST(Gunzip, DecompressesPiecesOfAnySize) {
  for (const std::string& plain : {std::string(), std::string("a"), sample()}) {
    for (const std::size_t size : {1, 2, 3, 65536}) {
      EXPECT_EQ(unpack(gzip_bytes(plain), size), plain);
    }
  }
}

TEST(Gunzip, TakesSeveralMembersAsOneStream) {
  for (const std::size_t size : {1, 7, 65536}) {
    EXPECT_EQ(unpack(gzip_bytes("one") + gzip_bytes("two"), size), "onetwo");
  }
}

TEST(Gunzip, PassesOverZerosBehindTheDataAsGzipDoes) {
  const std::string zeros(3000, '\0');
  for (const std::size_t size : {1, 7, 1024, 65536}) {
    EXPECT_EQ(unpack(gzip_bytes("one") + zeros, size), "one");
    EXPECT_EQ(unpack(gzip_bytes("one") + zeros + gzip_bytes("two"), size), "onetwo");
  }
  const TemporaryFolder folder;
  put_file(folder.path() / "f.gz", gzip_bytes("one") + zeros);
  EXPECT_EQ(std::system(("gzip -t " + (folder.path() / "f.gz").string()).c_str()), 0);
}

TEST(Gunzip, RefusesATruncationAtEveryPosition) {
  const std::string packed = gzip_bytes("some text that is long enough for a few bytes");
  for (std::size_t length = 2; length < packed.size(); ++length) {
    EXPECT_THAT(gunzip_error(packed.substr(0, length)), testing::HasSubstr("truncated")) << length;
  }
}

TEST(Gunzip, RefusesAWrongChecksumOrLength) {
  std::string packed = gzip_bytes(sample());
  for (std::size_t from_end = 1; from_end <= 8; ++from_end) {
    std::string damaged = packed;
    damaged[damaged.size() - from_end] ^= 1;
    EXPECT_THAT(gunzip_error(damaged), testing::StartsWith("the file: the gzip data is damaged"));
  }
}

TEST(Gunzip, RefusesBytesAfterTheData) {
  EXPECT_THAT(gunzip_error(gzip_bytes("a") + "b"), testing::HasSubstr("other bytes follow"));
  EXPECT_THAT(gunzip_error(gzip_bytes("a") + std::string(3, '\0') + "b"),
              testing::HasSubstr("other bytes follow"));
  EXPECT_THAT(gunzip_error(gzip_bytes("a") + "b", 1), testing::HasSubstr("other bytes follow"));
}

TEST(Gunzip, HandsPiecesOnSoThatABombCanBeStopped) {
  const std::string bomb = gzip_bytes(std::string(std::size_t{1} << 24, '\0'));
  std::size_t received = 0;
  std::span<const std::byte> rest = as_bytes_of(bomb);
  EXPECT_THROW(gunzip(
                   "bomb", [&] { return std::exchange(rest, {}); },
                   [&](std::span<const std::byte> piece) {
                     received += piece.size();
                     if (received > 100'000) throw InputError("enough");
                   }),
               InputError);
  EXPECT_LT(received, 200'000);
}

}  // namespace
}  // namespace detox
