#include "kernels/pairwise.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/every_target.hpp"
#include "kernels/samples.hpp"

namespace detox {
namespace {

using test::Sample;

template <class T>
std::vector<double> pairwise(Sample<T>& sample) {
  const Rows<T> rows = sample.rows();
  std::vector<double> total(pairwise_sums(rows.n())), part(total.size());
  for (std::size_t begin = 0; begin < rows.d; begin += kPairwiseChunk) {
    pairwise_chunk(rows, begin, part);
    for (std::size_t k = 0; k < total.size(); ++k) total[k] += part[k];
  }
  return total;
}

/// The largest relative error among pairs of rows that are finite; others must be infinite.
template <class T>
double worst_error(Sample<T>& sample) {
  const std::vector<double> found = pairwise(sample);
  const reference::Matrix matrix = sample.matrix();
  const reference::Matrix distances = reference::squared_distances(matrix);
  const std::vector<double> norms = reference::squared_norms(matrix);
  double worst = 0;
  const auto compare = [&worst](double value, double expected) {
    if (std::isinf(expected)) {
      EXPECT_EQ(value, expected);
    } else if (expected == 0) {
      EXPECT_EQ(value, 0);
    } else {
      worst = std::max(worst, std::abs(value - expected) / expected);
    }
  };
  for (std::size_t i = 0; i < norms.size(); ++i) {
    compare(found[norm_index(i)], norms[i]);
    for (std::size_t j = i + 1; j < norms.size(); ++j) {
      if (std::isinf(norms[i]) || std::isinf(norms[j])) continue;  // undefined, by contract
      compare(found[distance_index(i, j)], distances[i][j]);
    }
  }
  return worst;
}

constexpr double kLimit = 2e-6;

TEST(Pairwise, StaysWithinItsErrorForEverySize) {
  test::on_every_target([](const char*) {
    for (const std::size_t n : {1UL, 2UL, 3UL, 4UL, 5UL, 9UL, 15UL, 17UL}) {
      for (const std::size_t d : {1UL, 15UL, 17UL, 1000UL, 4097UL, 5135UL}) {
        auto sample = test::normal_sample<float>(n, d, n + d);
        EXPECT_LT(worst_error(sample), kLimit) << "n = " << n << ", d = " << d;
      }
    }
  });
}

TEST(Pairwise, StaysWithinItsErrorOnManyColumnsAndACommonOffset) {
  auto sample = test::normal_sample<float>(6, 40000, 3);
  for (auto& row : sample.values) {
    for (float& value : row) value += 1000;
  }
  test::on_every_target([&](const char*) { EXPECT_LT(worst_error(sample), kLimit); });
}

TEST(Pairwise, StaysWithinItsErrorBesideHugeAndTinyRows) {
  for (const std::size_t d : {100UL, 5000UL}) {
    auto sample = test::normal_sample<float>(9, d, 3);
    for (float& value : sample.values[1]) value *= 1e30F;
    for (float& value : sample.values[2]) value *= 1e-30F;
    for (float& value : sample.values[3]) value *= 1e-30F;
    for (float& value : sample.values[4]) value = std::copysign(3e38F, value);
    for (float& value : sample.values[5]) value *= 1e-42F;  // denormal
    sample.values[6] = sample.values[0];
    sample.values[7].assign(d, 0.0F);
    test::on_every_target([&](const char*) { EXPECT_LT(worst_error(sample), kLimit); });
  }
}

TEST(Pairwise, GivesARowThatIsNotFiniteAnInfiniteNormAndSparesTheOthers) {
  for (const std::size_t d : {100UL, 5000UL, 17000UL}) {
    auto sample = test::normal_sample<float>(7, d, 3);
    sample.values[0][d - 1] = std::numeric_limits<float>::quiet_NaN();
    sample.values[3][0] = -std::numeric_limits<float>::infinity();
    sample.values[5].assign(d, std::numeric_limits<float>::infinity());
    test::on_every_target([&](const char*) { EXPECT_LT(worst_error(sample), kLimit); });
  }
}

TEST(Pairwise, TakesDoublesInDouble) {
  for (const std::size_t d : {17UL, 5001UL}) {
    auto sample = test::normal_sample<double>(5, d, 3);
    sample.values[2][0] = std::numeric_limits<double>::infinity();
    test::on_every_target([&](const char*) { EXPECT_LT(worst_error(sample), 1e-13); });
  }
}

TEST(Pairwise, RoundsASquareAndItsSumAtOnceOnEveryTarget) {
  // 4097^2 lies between two floats, the even one below; 2^-60, which no double holds beside it,
  // makes the one above the nearest.
  auto sample = test::normal_sample<float>(2, 5000, 1);
  for (auto& row : sample.values) row.assign(5000, 0.0F);
  for (std::size_t lane = 0; lane < 16; ++lane) {
    sample.values[1][lane] = 0x1p-30F;
    sample.values[1][16 + lane] = 4097;
  }
  test::on_every_target([&](const char*) {
    EXPECT_EQ(pairwise(sample)[distance_index(0, 1)], 16 * 16785410.0);
    EXPECT_EQ(pairwise(sample)[norm_index(1)], 16 * 16785410.0);
  });
}

TEST(Pairwise, HasTheSameBitsOnEveryTarget) {
  auto sample = test::normal_sample<float>(10, 17003, 5);
  auto doubles = test::normal_sample<double>(10, 17003, 5);
  const std::vector<double> expected = pairwise(sample), expected_doubles = pairwise(doubles);
  test::on_every_target([&](const char*) {
    EXPECT_EQ(pairwise(sample), expected);
    EXPECT_EQ(pairwise(doubles), expected_doubles);
  });
}

}  // namespace
}  // namespace detox
