#include "comm/compression/compressor.hpp"

#include <gtest/gtest.h>

#include "comm/compression/chunks.hpp"
#include "detox/errors.hpp"
#include "support/allocations.hpp"

namespace detox {
namespace {

std::string message_of(const std::string& name) {
  try {
    make_compressor(name);
  } catch (const UsageError& error) {
    return error.what();
  }
  return {};
}

TEST(Compressor, IsFoundByTheNamesThatUsersKnow) {
  EXPECT_NE(make_compressor("blosc"), nullptr);
  EXPECT_NE(make_compressor("compress"), nullptr) << "the original's name for blosc";
  EXPECT_NE(make_compressor("zstd"), nullptr);
  EXPECT_EQ(make_compressor("none"), nullptr);
  EXPECT_EQ(make_compressor("None"), nullptr) << "--compress-grad=None crashed the original";
  EXPECT_EQ(message_of("blosk"),
            "unknown compressor 'blosk' (did you mean blosc?); valid: blosc, none, zstd");
}

class EveryCompressor : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Compressor> compressor_ = make_compressor(GetParam());
};

TEST_P(EveryCompressor, GivesBackEveryBitOfWhateverItPacked) {
  std::size_t packed_chunks = 0;
  for (const std::size_t count :
       {0, 1, 2, 3, 4, 5, 7, 15, 16, 17, 31, 33, 63, 64, 65, 127, 1000, 4095, 4097, 65536}) {
    for (const auto& [name, chunk] : kinds_of_chunks(count)) {
      Bytes packed;
      if (!compressor_->pack(chunk, packed)) {
        EXPECT_TRUE(packed.empty()) << name << " " << count;
        continue;
      }
      ++packed_chunks;
      EXPECT_LT(packed.size(), chunk.size()) << name << " " << count;
      Bytes back(chunk.size());
      EXPECT_TRUE(compressor_->unpack(packed, back)) << name << " " << count;
      EXPECT_TRUE(back == chunk) << name << " " << count;
    }
  }
  EXPECT_GT(packed_chunks, 30U);
}

TEST_P(EveryCompressor, TakesChunksThatAreNoWholeWordsAndLieAnywhere) {
  const Bytes all = bytes_of(gradient_like(2000));
  std::size_t packed_chunks = 0;
  for (std::size_t begin = 0; begin < 4; ++begin) {
    for (const std::size_t size : {1U, 801U, 2002U, 5003U, 7996U}) {
      const std::span<const std::byte> chunk = std::span(all).subspan(begin, size);
      Bytes packed, back(size + begin);
      if (!compressor_->pack(chunk, packed)) continue;
      ++packed_chunks;
      const std::span<std::byte> place = std::span(back).subspan(begin);
      ASSERT_TRUE(compressor_->unpack(packed, place)) << begin << " " << size;
      EXPECT_TRUE(std::equal(chunk.begin(), chunk.end(), place.begin())) << begin << " " << size;
    }
  }
  EXPECT_GE(packed_chunks, 4U);
}

TEST_P(EveryCompressor, AppendsAndLeavesWhatWasThere) {
  Bytes out(5, std::byte{42});
  EXPECT_FALSE(compressor_->pack(noise(kLongestChunk), out));
  EXPECT_EQ(out, Bytes(5, std::byte{42})) << "noise cannot be made smaller";
  const Bytes chunk = bytes_of(gradient_like(5000));
  ASSERT_TRUE(compressor_->pack(chunk, out));
  EXPECT_TRUE(std::equal(out.begin(), out.begin() + 5, Bytes(5, std::byte{42}).begin()));
  Bytes back(chunk.size());
  EXPECT_TRUE(compressor_->unpack(std::span(out).subspan(5), back));
  EXPECT_EQ(back, chunk);
}

TEST_P(EveryCompressor, MakesGradientsATenthSmallerAndZerosNextToNothing) {
  Bytes packed;
  ASSERT_TRUE(compressor_->pack(bytes_of(gradient_like(kLongestChunk / 4)), packed));
  EXPECT_LT(packed.size(), kLongestChunk * 92 / 100);
  packed.clear();
  ASSERT_TRUE(compressor_->pack(Bytes(kLongestChunk), packed));
  EXPECT_LT(packed.size(), kLongestChunk / 100);
}

TEST_P(EveryCompressor, TakesNoMemoryAfterTheFirstChunk) {
  const Bytes chunk = bytes_of(gradient_like(kLongestChunk / 4));
  Bytes packed, back(chunk.size());
  packed.reserve(chunk.size());
  ASSERT_TRUE(compressor_->pack(chunk, packed));
  ASSERT_TRUE(compressor_->unpack(packed, back));
  const std::size_t before = allocations().count;
  for (int i = 0; i < 10; ++i) {
    packed.clear();
    compressor_->pack(chunk, packed);
    compressor_->unpack(packed, back);
  }
  EXPECT_EQ(allocations().count, before);
}

INSTANTIATE_TEST_SUITE_P(All, EveryCompressor, ::testing::Values("blosc", "zstd"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace detox
