#include "kernels/combine.hpp"

#include <gtest/gtest.h>

#include "kernels/samples.hpp"
#include "kernels/sign_bits.hpp"
#include "kernels/target.hpp"

namespace detox {
namespace {

TEST(Combine, RoundsTheExactSumOnce) {
  for (const std::size_t d : {1UL, 15UL, 17UL, 1000UL, 5000UL}) {
    auto sample = test::normal_sample<float>(7, d, d);
    const std::vector<double> weights = {0.5, 0, 1e-3, 1, 2, -3, 0.25};
    const auto expected = reference::combine(sample.matrix(), weights, 7);
    std::vector<float> out(d);
    combine_rows(sample.rows(), {weights, 7}, 0, d, out);
    for (std::size_t c = 0; c < d; ++c) ASSERT_EQ(out[c], static_cast<float>(expected[c]));
  }
}

TEST(Combine, StartsFromABaseAndKeepsADoubleWhole) {
  for (const std::size_t d : {1UL, 15UL, 17UL, 1000UL}) {
    auto sample = test::normal_sample<float>(4, d, d);
    const std::vector<double> weights = {0.5, 0, -1e-3, 1};
    const std::size_t begin = d / 3, count = d - begin;
    std::vector<double> base(count), wide(count);
    for (std::size_t i = 0; i < count; ++i) base[i] = 0.125 * static_cast<double>(i);
    combine_wide(sample.rows(), {weights, 2, base}, begin, d, wide);
    std::vector<float> out(d, -1.0F);
    combine_rows(sample.rows(), {weights, 2, base}, begin, d, out);
    for (std::size_t i = 0; i < count; ++i) {
      double expected = base[i];
      for (const std::size_t row : {0UL, 2UL, 3UL})
        expected += weights[row] * static_cast<double>(sample.values[row][begin + i]);
      ASSERT_EQ(wide[i], expected / 2);
      ASSERT_EQ(out[begin + i], static_cast<float>(expected / 2));
    }
    if (begin > 0) {
      EXPECT_EQ(out[begin - 1], -1.0F);
    }
  }
}

TEST(Combine, NeverTouchesARowOfWeightZero) {
  auto sample = test::normal_sample<float>(3, 100, 1);
  sample.values[1].assign(100, std::numeric_limits<float>::quiet_NaN());
  std::vector<float> out(100);
  combine_rows(sample.rows(), {std::vector<double>{1, 0, 0}, 1}, 0, 100, out);
  EXPECT_EQ(out, sample.values[0]);
}

TEST(Combine, TakesTheMeanOfTheLargestFloats) {
  test::Sample<float> sample;
  sample.values.assign(5, std::vector<float>(40, std::numeric_limits<float>::max()));
  std::vector<float> out(40);
  combine_rows(sample.rows(), {std::vector<double>(5, 1.0), 5}, 0, 40, out);
  EXPECT_EQ(out, sample.values[0]);
}

TEST(SignMajority, EqualsTheReferenceOnAnyBits) {
  for (const std::size_t n : {1UL, 2UL, 3UL, 8UL, 15UL}) {
    for (const std::size_t d : {1UL, 15UL, 17UL, 100UL}) {
      auto sample = test::bits_sample<float>(n, d, n + d);
      auto doubles = test::bits_sample<double>(n, d, n + d);
      for (const std::uint64_t step : {0UL, 1UL}) {
        std::vector<float> out(d);
        std::vector<double> out_doubles(d);
        sign_majority(sample.rows(), step, 0, d, out);
        sign_majority(doubles.rows(), step, 0, d, out_doubles);
        const auto expected = reference::sign_majority(sample.matrix(), step);
        EXPECT_EQ(std::vector<double>(out.begin(), out.end()), expected);
        EXPECT_EQ(out_doubles, reference::sign_majority(doubles.matrix(), step));
      }
    }
  }
}

TEST(VoteMajority, GivesARowOneVoteAndSeesATieOfThirds) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  for (const std::size_t d : {1UL, 40UL}) {
    const auto vote = [d](const std::vector<float>& column) {
      test::Sample<float> sample;
      for (const float value : column) sample.values.emplace_back(d, value);
      std::vector<float> out(d);
      vote_majority(sample.rows(), 0, d, out);
      EXPECT_EQ(out, std::vector<float>(d, out[0]));
      return out[0];
    };
    const float third = 1.0F / 3;
    EXPECT_EQ(vote({1, 1, -1}), 1);
    EXPECT_EQ(vote({inf, -1, -1}), -1);
    EXPECT_EQ(vote({nan, nan, -third}), -1);
    EXPECT_EQ(vote({third, third, third, -1}), 0);
    EXPECT_EQ(vote({1, -1}), 0);
  }
}

TEST(SignBits, ArePackedLowestBitFirstAndComeBack) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values = {-1, 1, 0, -0.0F, nan, -nan, 2, -3, -4, 0};
  std::vector<std::byte> bits(packed_sign_bytes(values.size()));
  pack_signs(values, 0, bits);
  EXPECT_EQ(bits, (std::vector<std::byte>{std::byte{0b10101001}, std::byte{0b00000011}}));
  std::vector<float> signs(values.size());
  unpack_signs(bits, signs);
  EXPECT_EQ(signs, (std::vector<float>{-1, 1, 1, -1, 1, -1, 1, -1, -1, -1}));
  pack_signs(values, 7, bits);
  unpack_signs(bits, signs);
  EXPECT_EQ(signs, (std::vector<float>{-1, 1, -1, 1, -1, 1, 1, -1, -1, 1}));
}

}  // namespace
}  // namespace detox
