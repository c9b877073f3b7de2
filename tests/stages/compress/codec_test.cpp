#include "stages/compress/codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "detox/errors.hpp"
#include "detox/random.hpp"

namespace detox {
namespace {

using Bytes = std::vector<std::byte>;
using Values = std::vector<float>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Values normal_values(std::size_t d) {
  Values values(d);
  RandomStream(derive_key(key_from_seed(1), "values", {d})).fill_normal(values);
  return values;
}

Bytes encode(const Codec& codec, const Values& gradient, std::uint64_t step) {
  Bytes bytes(codec.encoded_bytes(gradient.size()), std::byte{0xAB});
  codec.encode(gradient, step, bytes);
  return bytes;
}

Values decode(const Codec& codec, const Bytes& bytes, std::size_t d) {
  Values values(d, 7.0F);
  codec.decode(bytes, values);
  return values;
}

constexpr std::size_t kSizes[] = {1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100, 1000, 4097};

TEST(Codecs, AreSortedAndFoundByTheirName) {
  const auto all = codecs();
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_LT(all[i - 1].name, all[i].name);
  for (const CodecInfo& info : all) EXPECT_EQ(find_codec(info.name).name, info.name);
  EXPECT_THROW(find_codec("sing"), UsageError);
}

TEST(Codecs, GiveWholeWordsSoThatFloatsMayFollow) {
  for (const CodecInfo& info : codecs()) {
    for (const std::size_t d : kSizes) EXPECT_EQ(info.make()->encoded_bytes(d) % 4, 0U) << d;
  }
}

TEST(NoCodec, IsTheIdentityForEveryBitPattern) {
  const auto codec = find_codec("none").make();
  EXPECT_TRUE(codec->is_identity());
  Values values = normal_values(1003);
  values[0] = kNan;
  values[1] = -0.0F;
  values[2] = kInfinity;
  values[3] = std::bit_cast<float>(0x7f800001U);  // a signalling NaN
  const Bytes bytes = encode(*codec, values, 1);
  ASSERT_EQ(bytes.size(), values.size() * 4);
  EXPECT_EQ(std::memcmp(bytes.data(), values.data(), bytes.size()), 0);
  const Values back = decode(*codec, bytes, values.size());
  EXPECT_EQ(std::memcmp(back.data(), values.data(), bytes.size()), 0);
}

TEST(SignCodec, SendsTheSignOfEveryCoordinate) {
  const auto codec = find_codec("sign").make();
  EXPECT_FALSE(codec->is_identity());
  for (const std::size_t d : kSizes) {
    const Values values = normal_values(d);
    const Values back = decode(*codec, encode(*codec, values, 3), d);
    for (std::size_t i = 0; i < d; ++i)
      ASSERT_EQ(back[i], values[i] < 0 ? -1.0F : 1.0F) << i << " of " << d;
  }
}

TEST(SignCodec, CostsABitACoordinate) {
  const auto codec = find_codec("sign").make();
  EXPECT_EQ(codec->encoded_bytes(32), 4U);
  EXPECT_EQ(codec->encoded_bytes(33), 8U);
  EXPECT_EQ(codec->encoded_bytes(431080), 53888U);  // LeNet
}

TEST(SignCodec, PutsCoordinateIInBitIOfTheBytesAndClearsTheRest) {
  const auto codec = find_codec("sign").make();
  for (const std::size_t d : kSizes) {
    const Bytes bytes = encode(*codec, Values(d, -1.0F), 3);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      const unsigned value = std::to_integer<unsigned>(bytes[bit / 8]) >> (bit % 8) & 1U;
      ASSERT_EQ(value, bit < d ? 1U : 0U) << "bit " << bit << " of " << d;
    }
  }
}

TEST(SignCodec, GivesZerosAndNanTheParityOfCoordinateAndStep) {
  const auto codec = find_codec("sign").make();
  for (const float odd : {0.0F, -0.0F, kNan, -kNan}) {
    for (const std::uint64_t step : {1ULL, 2ULL, 3ULL, 0xffffffffffffffffULL}) {
      const Values back = decode(*codec, encode(*codec, Values(37, odd), step), 37);
      for (std::size_t i = 0; i < back.size(); ++i)
        ASSERT_EQ(back[i], (i % 2) == (step % 2) ? 1.0F : -1.0F) << i << ", step " << step;
    }
  }
}

TEST(SignCodec, TakesTheSignOfInfinitiesAndDenormals) {
  const auto codec = find_codec("sign").make();
  const float tiny = std::numeric_limits<float>::denorm_min();
  const Values values = {kInfinity, -kInfinity, tiny, -tiny, 1e38F, -1e38F};
  EXPECT_EQ(decode(*codec, encode(*codec, values, 4), 6), (Values{1, -1, 1, -1, 1, -1}));
}

TEST(SignCodec, DecodesAnyBytesToPlusAndMinusOne) {
  const auto codec = find_codec("sign").make();
  RandomStream random(key_from_seed(5));
  for (const std::size_t d : kSizes) {
    Bytes bytes(codec->encoded_bytes(d));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
    for (const float value : decode(*codec, bytes, d)) ASSERT_EQ(std::abs(value), 1.0F);
  }
}

TEST(SignCodec, IsAFunctionOfGradientAndStep) {
  const auto codec = find_codec("sign").make();
  Values values = normal_values(500);
  values[17] = 0.0F;
  EXPECT_EQ(encode(*codec, values, 8), encode(*codec, Values(values), 8));
  EXPECT_NE(encode(*codec, values, 8), encode(*codec, values, 9));
}

}  // namespace
}  // namespace detox
