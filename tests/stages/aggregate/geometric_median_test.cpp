// The geometric median where it is known exactly, above all beside a row.
#include <gtest/gtest.h>

#include <cmath>

#include "stages/aggregate/oracles.hpp"
#include "stages/aggregate/run_rule.hpp"

namespace detox {
namespace {

using test::Sample;

/// Points of a plane as rows of d coordinates: x along one direction, y along another at right
/// angles to it, and an offset.
template <class T>
struct Plane {
  std::vector<double> along, across;
  explicit Plane(std::size_t d) : along(d), across(d) {
    test::Random random(d);
    for (double& value : along) value = random.normal();
    for (double& value : across) value = random.normal();
    scale(along);
    const double shared = dot(along, across);
    for (std::size_t c = 0; c < d; ++c) across[c] -= shared * along[c];
    scale(across);
  }
  static double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t c = 0; c < a.size(); ++c) sum += a[c] * b[c];
    return sum;
  }
  static void scale(std::vector<double>& a) {
    const double norm = std::sqrt(dot(a, a));
    for (double& value : a) value /= norm;
  }
  std::vector<T> row(double x, double y) const {
    std::vector<T> values;
    for (std::size_t c = 0; c < along.size(); ++c)
      values.push_back(static_cast<T>(x * along[c] + y * across[c]));
    return values;
  }
};

template <class T>
double distance(const std::vector<T>& a, const std::vector<T>& b) {
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c)
    sum += std::pow(static_cast<double>(a[c]) - static_cast<double>(b[c]), 2);
  return std::sqrt(sum);
}

/// A convex quadrilateral: its geometric median is where the diagonals cross, here at (near, 0).
/// The row at the origin is the medoid; the others pull at it with 1 + 2 near / sqrt(near^2 + 1).
template <class T>
double error_beside_a_row(double near, double tolerance) {
  const Plane<T> plane(40);
  Sample<T> sample{{plane.row(0, 0), plane.row(near, 1), plane.row(near, -1), plane.row(1, 0)}, {}};
  const auto found = test::run_rule("geometric-median", {.f = 1, .tolerance = tolerance}, sample);
  return distance(found, plane.row(near, 0));
}

TEST(GeometricMedian, KeepsItsToleranceBesideARow) {
  for (const double near : {0.3, 1e-1, 1e-2, 1e-3, 5e-4, 1e-4, 1e-5}) {
    // The median distance from the medoid is about 1.
    EXPECT_LT(error_beside_a_row<double>(near, 1e-6), 1e-6) << near;
    EXPECT_LT(error_beside_a_row<double>(near, 1e-3), 1e-3) << near;
    EXPECT_LT(error_beside_a_row<float>(near, 1e-6), 3e-6) << near;
  }
}

TEST(GeometricMedian, StaysOnARowThatTheOthersPullAtWithLessThanOne) {
  const Plane<double> plane(40);
  // The origin lies just inside the triangle of the others.
  Sample<double> sample{
      {plane.row(-1e-3, 1), plane.row(-1e-3, -1), plane.row(1, 0), plane.row(0, 0)}, {}};
  EXPECT_EQ(distance(test::run_rule("geometric-median", {.f = 1}, sample), plane.row(0, 0)), 0);
}

TEST(GeometricMedian, HasNoPullLeftWhereverItLies) {
  // The sum of the unit vectors to the rows is the gradient; what is left to go is about that by
  // the curvature, which is n over the distances for rows that lie around.
  for (const std::size_t n : {5UL, 8UL, 15UL, 45UL}) {
    for (const std::size_t d : {3UL, 40UL}) {
      auto sample = test::normal_sample<double>(n, d, n * d);
      for (std::size_t i = 0; i < (n - 1) / 2; ++i) {
        for (double& value : sample.values[i]) value = value / 10 + 3;  // a cluster aside
      }
      const auto found = test::run_rule("geometric-median", {.f = 1}, sample);
      std::vector<double> pull(d);
      double nearest = 1e9;
      for (const auto& row : sample.values) {
        const double r = distance(row, found);
        nearest = std::min(nearest, r);
        for (std::size_t c = 0; c < d; ++c) pull[c] += (row[c] - found[c]) / r;
      }
      ASSERT_GT(nearest, 1e-3);
      EXPECT_LT(std::sqrt(Plane<double>::dot(pull, pull)), 1e-5 * static_cast<double>(n))
          << "n = " << n << ", d = " << d;
    }
  }
}

TEST(GeometricMedian, EndsForRowsOnOneLine) {
  for (const std::size_t n : {4UL, 5UL, 12UL, 33UL}) {
    Sample<double> sample;
    for (std::size_t i = 0; i < n; ++i) {
      const auto place = static_cast<double>(i);
      sample.values.push_back({place, 2 * place, -place});
    }
    const oracle::Matrix matrix = sample.matrix();
    const auto found = test::run_rule("geometric-median", {.f = 1}, sample);
    EXPECT_LE(oracle::sum_of_distances(matrix, found),
              oracle::sum_of_distances(matrix, sample.values[n / 2]) * (1 + 1e-12));
  }
}

TEST(GeometricMedian, IsNotDrawnToARowBesideWhichTheOthersVanishAndThatVanishesBesideAnother) {
  // Sums of distances are as long to all rows but the first, to the last bit.
  for (const double middle : {1e20, 1e12}) {
    Sample<double> sample = test::normal_sample<double>(8, 5, 1);
    sample.values[0].assign(5, 1e38);
    sample.values[1].assign(5, middle);
    sample.values[2].assign(5, std::sqrt(middle));
    Sample<float> floats;
    for (const auto& row : sample.values) floats.values.emplace_back(row.begin(), row.end());
    for (const double value : test::run_rule("geometric-median", {.f = 3}, sample))
      EXPECT_LT(std::abs(value), 10) << middle;
    for (const float value : test::run_rule("geometric-median", {.f = 3}, floats))
      EXPECT_LT(std::abs(value), 10) << middle;
  }
}

}  // namespace
}  // namespace detox
