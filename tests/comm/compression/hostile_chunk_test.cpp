// What a worker may send as a packed chunk: refused or unpacked, and nothing is written but `out`.
#include <gtest/gtest.h>

#include "comm/compression/chunks.hpp"
#include "comm/compression/compressor.hpp"
#include "support/allocations.hpp"

namespace detox {
namespace {

constexpr std::size_t kGuard = 256;
constexpr std::byte kGuardByte{0xa5};

class HostileChunk : public ::testing::TestWithParam<std::string> {
 protected:
  /// Unpacks into `size` bytes between two guards, from bytes that end where their memory ends.
  bool unpack(const Bytes& packed, std::size_t size) {
    const Bytes exact(packed.begin(),
                      packed.end());  // no spare capacity: what reads on is seen by the sanitizer
    Bytes out(size + 2 * kGuard, kGuardByte);
    const bool accepted = compressor_->unpack(exact, std::span(out).subspan(kGuard, size));
    for (std::size_t i = 0; i < kGuard; ++i) {
      EXPECT_EQ(out[i], kGuardByte);
      EXPECT_EQ(out[out.size() - 1 - i], kGuardByte);
    }
    unpacked_.assign(out.begin() + kGuard, out.end() - kGuard);
    return accepted;
  }

  Bytes pack(const Bytes& chunk) {
    Bytes packed;
    EXPECT_TRUE(compressor_->pack(chunk, packed));
    return packed;
  }

  std::unique_ptr<Compressor> compressor_ = make_compressor(GetParam());
  Bytes unpacked_;
};

TEST_P(HostileChunk, IsRefusedWhereItIsCut) {
  for (const auto& [name, chunk] : kinds_of_chunks(500)) {
    Bytes packed;
    if (!compressor_->pack(chunk, packed)) continue;
    for (std::size_t size = 0; size < packed.size(); ++size) {
      EXPECT_FALSE(unpack(Bytes(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size)),
                          chunk.size()))
          << name << " cut to " << size;
    }
  }
}

TEST_P(HostileChunk, IsRefusedWhereSomethingFollows) {
  for (const auto& [name, chunk] : kinds_of_chunks(500)) {
    Bytes packed;
    if (!compressor_->pack(chunk, packed)) continue;
    const Bytes whole = packed;
    packed.push_back(std::byte{0});
    EXPECT_FALSE(unpack(packed, chunk.size())) << name;
    packed = whole;
    packed.insert(packed.end(), whole.begin(), whole.end());
    EXPECT_FALSE(unpack(packed, chunk.size())) << name << " twice";
  }
}

TEST_P(HostileChunk, IsRefusedWhereItUnpacksToAnotherLength) {
  const Bytes packed = pack(bytes_of(gradient_like(1000)));
  for (const std::size_t size : {0U, 1U, 4U, 3992U, 3996U, 3999U, 4001U, 4004U, 8000U, 262144U})
    EXPECT_FALSE(unpack(packed, size)) << size;
}

TEST_P(HostileChunk, WithAnyBitFlippedWritesNothingElsewhere) {
  for (const auto& [name, chunk] : kinds_of_chunks(300)) {
    Bytes packed;
    if (!compressor_->pack(chunk, packed)) continue;
    for (std::size_t bit = 0; bit < 8 * packed.size(); ++bit) {
      Bytes flipped = packed;
      flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      unpack(flipped, chunk.size());  // the guards decide; whether it is accepted does not matter
    }
    EXPECT_TRUE(unpack(packed, chunk.size())) << name << ": good ones are taken after all those";
    EXPECT_EQ(unpacked_, chunk) << name;
  }
}

TEST_P(HostileChunk, WithAnyLengthInItsHeaderTakesNoMemory) {
  const Bytes chunk = bytes_of(gradient_like(1000));
  const Bytes packed = pack(chunk);
  unpack(packed, chunk.size());
  for (std::size_t at = 0; at + 4 <= 32; ++at) {
    for (const std::uint32_t value :
         {0U, 1U, 3U, 3999U, 4001U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
      Bytes lie = packed;
      std::memcpy(lie.data() + at, &value, sizeof value);
      const Bytes exact(lie.begin(), lie.end());
      Bytes out(chunk.size());
      const std::size_t before = allocations().bytes;
      compressor_->unpack(exact, out);
      EXPECT_EQ(allocations().bytes, before) << "at " << at << " " << value;
    }
  }
}

TEST_P(HostileChunk, OfNoiseIsRefused) {
  const Bytes bytes = noise(1000);
  for (std::size_t size = 0; size <= bytes.size(); ++size)
    EXPECT_FALSE(
        unpack(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)), 4000));
}

TEST_P(HostileChunk, ThatIsABombIsRefused) {
  Bytes bomb;
  ASSERT_TRUE(compressor_->pack(Bytes(std::size_t{16} << 20U), bomb));
  EXPECT_LT(bomb.size(), std::size_t{300} << 10U);
  EXPECT_FALSE(unpack(bomb, kLongestChunk));
}

INSTANTIATE_TEST_SUITE_P(All, HostileChunk, ::testing::Values("blosc", "zstd"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace detox
