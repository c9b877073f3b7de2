// Every kernel over awkward sizes and any bits.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "detox/workspace.hpp"
#include "kernels/combine.hpp"
#include "kernels/moments.hpp"
#include "kernels/order_statistics.hpp"
#include "kernels/pairwise.hpp"
#include "kernels/samples.hpp"
#include "kernels/sign_bits.hpp"
#include "stages/digests/recorded.hpp"

namespace detox {
namespace {

using test::Fold;
using test::Sample;

/// f(sample) for every size and kind of rows.
template <class T, class F>
void for_samples(const F& f) {
  for (const std::size_t n : {1U, 2U, 3U, 7U, 15U, 16U, 17U, 33U, 64U}) {
    for (const std::size_t d : {1U, 15U, 17U, 200U}) {
      for (auto& make : {test::normal_sample<T>, test::tied_sample<T>, test::bits_sample<T>}) {
        Sample<T> sample = make(n, d, n + d);
        f(sample);
      }
    }
  }
}

std::vector<double> some_weights(std::size_t n) {
  test::Random random(n);
  std::vector<double> weights(n);
  for (double& weight : weights) weight = static_cast<double>(random.below(5)) / 7;
  weights[0] = 1;
  return weights;
}

template <class T>
void fold_combinations(Sample<T>& sample, Fold& fold) {
  const Rows<T> rows = sample.rows();
  const std::vector<double> weights = some_weights(rows.n());
  std::vector<double> wide(rows.d), wider(rows.d);
  std::vector<T> out(rows.d);
  combine_wide(rows, {.weights = weights}, 0, rows.d, wide);
  combine_wide(rows, {.weights = weights, .divisor = 3, .base = wide}, 0, rows.d, wider);
  combine_rows(rows, {.weights = weights, .divisor = static_cast<double>(rows.n())}, 0, rows.d,
               out);
  fold << wide << wider << out;
}

template <class T>
void fold_majorities(Sample<T>& sample, Fold& fold) {
  const Rows<T> rows = sample.rows();
  std::vector<T> out(rows.d);
  for (const std::uint64_t step : {0U, 1U}) {
    sign_majority(rows, step, 0, rows.d, out);
    fold << out;
  }
  vote_majority(rows, 0, rows.d, out);
  fold << out;
}

/// Room for one call of a kernel that sorts.
template <class T>
class Sorting {
 public:
  Sorting(std::size_t n, std::size_t lo, std::size_t hi)
      : storage_(network_capacity(n)), flags_(new bool[n]), scratch_(workspace_) {
    plan = plan_sort(n, lo, hi, storage_, {flags_.get(), n});
    room = scratch_.template take<T>(weighted_sort_scratch(n));
  }
  SortPlan plan;
  std::span<T> room;

 private:
  std::vector<Comparator> storage_;
  std::unique_ptr<bool[]> flags_;
  Workspace workspace_;
  Workspace::Scope scratch_;
};

template <class T>
void fold_order_statistics(Sample<T>& sample, Fold& fold) {
  const Rows<T> rows = sample.rows();
  const std::size_t n = rows.n();
  std::vector<T> out(rows.d);
  const ColumnBlock<T> block{rows, 0, rows.d, out};
  for (const auto& [lo, hi] : {std::pair{(n - 1) / 2, n / 2 + 1}, {n / 5, n - n / 5}}) {
    const Sorting<T> sorting(n, lo, hi);
    mean_of_sorted(block, sorting.plan, sorting.room);
    fold << out;
  }
  const Sorting<T> sorting(n, 0, n);
  mean_nearest(block, {.lo = (n - 1) / 2, .hi = n / 2 + 1, .count = (n + 1) / 2}, sorting.plan,
               sorting.room);
  fold << out;
  const std::vector<double> weights = some_weights(n);
  double all = 0;
  for (const double weight : weights) all += weight;
  for (const auto& [lo, hi] : {std::pair{all / 2, all / 2}, {all / 4, all - all / 4}}) {
    weighted_mean_of_sorted(block, {weights, lo, hi}, sorting.plan, sorting.room);
    fold << out;
  }
}

/// Also rows that do not fit float32's squares, and long ones.
template <class T>
void fold_distances(Fold& fold) {
  const auto add = [&](Sample<T> sample) {
    const Rows<T> rows = sample.rows();
    std::vector<double> sums(pairwise_sums(rows.n()));
    pairwise_chunk(rows, 0, sums);
    std::ranges::for_each(sums, [](double& sum) {
      if (sum != sum) sum = -1;  // undefined beside a row that is not finite
    });
    fold << sums;
  };
  for_samples<T>([&](Sample<T>& sample) { add(sample); });
  for (const std::size_t d : {4097U, 6000U}) {
    for (const double scale : {1.0, 1e-30, 1e25}) {
      Sample<T> sample = test::normal_sample<T>(10, d, d);
      for (std::size_t i = 0; i < 10; i += 2)
        for (T& value : sample.values[i]) value = static_cast<T>(value * scale);
      add(sample);
    }
    add(test::bits_sample<T>(7, d, d));
    Sample<T> finite = test::bits_sample<T>(7, d, d);
    for (auto& row : finite.values)
      for (T& value : row)
        if (!std::isfinite(value)) value = T{3};
    add(finite);
  }
}

template <class T>
void add_all(const char* type, test::Lines& lines) {
  const auto add = [&](const char* name, void (*results)(Sample<T>&, Fold&)) {
    lines.add(fmt::format("{} {}", name, type), [&](Fold& fold) {
      for_samples<T>([&](Sample<T>& sample) { results(sample, fold); });
    });
  };
  add("combinations", fold_combinations<T>);
  add("majorities", fold_majorities<T>);
  add("order statistics", fold_order_statistics<T>);
  lines.add(fmt::format("distances {}", type), fold_distances<T>);
}

void fold_moments(Sample<float>& sample, Fold& fold) {
  const Rows<float> rows = sample.rows();
  std::vector<double> mean(rows.d), deviation(rows.d);
  column_moments(rows, 0, mean, deviation);
  fold.numbers(mean).numbers(deviation);
}

void fold_sign_bits(Sample<float>& sample, Fold& fold) {
  const Rows<float> rows = sample.rows();
  std::vector<std::vector<std::byte>> packed(rows.n(),
                                             std::vector<std::byte>(packed_sign_bytes(rows.d)));
  std::vector<const std::byte*> pointers;
  std::vector<float> out(rows.d);
  for (std::size_t i = 0; i < rows.n(); ++i) {
    pack_signs(sample.values[i], i, packed[i]);
    unpack_signs(packed[i], out);
    fold << packed[i] << out;
    pointers.push_back(packed[i].data());
  }
  packed_sign_majority(pointers, 0, rows.d, out);
  fold << out;
}

void add_of_floats(const char* name, void (*results)(Sample<float>&, Fold&), test::Lines& lines) {
  lines.add(name, [&](Fold& fold) {
    for_samples<float>([&](Sample<float>& sample) { results(sample, fold); });
  });
}

TEST(DigestsOfKernels, AreThoseThatX86Wrote) {
  test::expect_recorded("kernels", [](test::Lines& lines) {
    add_all<float>("float", lines);
    add_all<double>("double", lines);
    add_of_floats("moments", fold_moments, lines);
    add_of_floats("sign bits", fold_sign_bits, lines);
  });
}

}  // namespace
}  // namespace detox
