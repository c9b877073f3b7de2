// Matrices for the tests of kernels and rules: pseudo-random, awkward, hostile.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "detox/rows.hpp"
#include "kernels/reference.hpp"

namespace detox::test {

/// Owns an (n, d) matrix of T and the pointers that Rows views.
template <class T>
struct Sample {
  std::vector<std::vector<T>> values;
  std::vector<const T*> pointers;

  Rows<T> rows() {
    pointers.clear();
    for (const auto& row : values) pointers.push_back(row.data());
    return {pointers, values.empty() ? 0 : values[0].size()};
  }
  reference::Matrix matrix() { return reference::to_matrix(rows()); }
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2654435769U + 88172645463325252U) {}
  std::uint64_t bits() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t bound) { return bits() % bound; }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53 * 2 - 1; }
  double normal() {
    double sum = 0;
    for (int k = 0; k < 12; ++k) sum += uniform();
    return sum / 2;
  }

 private:
  std::uint64_t state_;
};

template <class T>
Sample<T> normal_sample(std::size_t n, std::size_t d, std::uint64_t seed) {
  Random random(seed);
  Sample<T> sample;
  sample.values.assign(n, std::vector<T>(d));
  for (auto& row : sample.values) {
    for (T& value : row) value = static_cast<T>(random.normal());
  }
  return sample;
}

/// Few different values, so that most comparisons are ties, and both zeros.
template <class T>
Sample<T> tied_sample(std::size_t n, std::size_t d, std::uint64_t seed) {
  Random random(seed);
  Sample<T> sample = normal_sample<T>(n, d, seed);
  for (auto& row : sample.values) {
    for (T& value : row) {
      const std::size_t draw = random.below(6);
      value = draw == 5 ? T{-0.0} : static_cast<T>(draw) / 2 - 1;
    }
  }
  return sample;
}

/// Any bits: denormals, huge values, infinities, NaNs of both signs and any payload.
template <class T>
Sample<T> bits_sample(std::size_t n, std::size_t d, std::uint64_t seed) {
  using Limits = std::numeric_limits<T>;
  const std::vector<T> special = {T{0},
                                  T{-0.0},
                                  Limits::denorm_min(),
                                  -Limits::denorm_min(),
                                  Limits::min() / 4,
                                  Limits::max(),
                                  Limits::lowest(),
                                  Limits::infinity(),
                                  -Limits::infinity(),
                                  Limits::quiet_NaN(),
                                  -Limits::quiet_NaN(),
                                  Limits::signaling_NaN(),
                                  T{1}};
  Random random(seed);
  Sample<T> sample = normal_sample<T>(n, d, seed);
  for (auto& row : sample.values) {
    for (T& value : row) {
      if (random.below(2) == 0) value = special[random.below(special.size())];
    }
  }
  return sample;
}

/// Equal, or both NaN, or within a relative error.
inline bool is_close(double a, double b, double relative) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  return std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b));
}

}  // namespace detox::test
