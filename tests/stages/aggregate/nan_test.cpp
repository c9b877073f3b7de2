// A NaN in a result has the same bits on every processor, whatever NaN came in or was made on the
// way: 0x7fc00000, in doubles 0x7ff8000000000000.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "detox/row_rule.hpp"
#include "kernels/every_target.hpp"
#include "stages/aggregate/run_rule.hpp"

namespace detox {
namespace {

template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T>
constexpr Bits<T> kUsual = sizeof(T) == 4 ? Bits<T>{0x7fc00000U}
                                          : static_cast<Bits<T>>(0x7ff8000000000000U);

/// NaN with payloads, negative, signalling; and infinities, of which processors make NaN.
template <class T>
std::vector<T> odd_values() {
  constexpr Bits<T> kSign = Bits<T>{1} << (8 * sizeof(T) - 1);
  constexpr Bits<T> kQuiet = kUsual<T>,
                    kInfinity = std::bit_cast<Bits<T>>(std::numeric_limits<T>::infinity());
  std::vector<T> values;
  for (const Bits<T> bits : {kQuiet, kQuiet | 1234567, kQuiet | kSign, kQuiet | kSign | 77,
                             kInfinity | 1, kInfinity | kSign | 3, kInfinity, kInfinity | kSign})
    values.push_back(std::bit_cast<T>(static_cast<Bits<T>>(bits)));
  return values;
}

/// Rows of ordinary values, of which `odd` hold odd ones in some columns, every one in some column.
template <class T>
test::Sample<T> odd_sample(std::size_t n, std::size_t odd, std::size_t d) {
  const std::vector<T> values = odd_values<T>();
  auto sample = test::normal_sample<T>(n, d, n + odd + d);
  test::Random random(odd + d);
  for (std::size_t i = 0; i < odd; ++i) {
    for (std::size_t c = i % 2; c < d; c += 1 + i % 3)
      sample.values[i][c] = values[random.below(values.size())];
  }
  return sample;
}

template <class T>
std::size_t count_nans(const std::vector<T>& out) {
  std::size_t count = 0;
  for (const T value : out) {
    if (value == value) continue;
    ++count;
    EXPECT_EQ(std::bit_cast<Bits<T>>(value), kUsual<T>);
  }
  return count;
}

template <class T>
std::size_t nans_of_every_call(const RuleInfo& rule) {
  std::size_t count = 0;
  const std::size_t n = 9;
  for (const std::size_t d : {1, 17, 1000}) {
    for (const std::size_t odd : {1, 9}) {
      auto sample = odd_sample<T>(n, odd, d);
      for (const char* pre : {"none", "nnm", "clipping,bucketing:s=1"}) {
        for (const Semantics semantics :
             {Semantics::kPaper, Semantics::kByzfl, Semantics::kByzpy}) {
          SCOPED_TRACE(fmt::format("{} {} of {} with {}", rule.name, sizeof(T), d, pre));
          const RuleOptions options{.f = 1, .pre = parse_pre_steps(pre), .semantics = semantics};
          if (!unmet_requirement(rule, options, n).empty()) continue;
          count += count_nans(test::run_rule(rule.name, options, sample, nullptr, 2));
        }
      }
    }
  }
  return count;
}

TEST(Nan, InAResultHasTheSameBitsEverywhere) {
  test::on_every_target([](const char*) {
    for (const RuleInfo& rule : rules()) {
      const std::size_t count = nans_of_every_call<float>(rule) + nans_of_every_call<double>(rule);
      if (rule.by_columns) {
        EXPECT_GT(count, 0U) << rule.name;
      }
    }
  });
}

TEST(Nan, InAWeightedResultHasTheSameBits) {
  const std::vector<double> weights = {1, 2, 1, 2, 1, 2, 1, 2, 1};
  test::on_every_target([&](const char*) {
    for (const RuleInfo& rule : rules()) {
      if (!rule.takes_weights) continue;
      auto sample = odd_sample<float>(9, 9, 1000);
      ThreadPool pool(1);
      Workspace workspace;
      AggregationContext context{.pool = pool, .workspace = workspace, .weights = weights};
      std::vector<float> out(1000);
      make_aggregator(rule.name, {.f = 1})->aggregate(sample.rows(), out, context);
      const std::size_t count = count_nans(out);
      if (rule.by_columns) {
        EXPECT_GT(count, 0U) << rule.name;
      }
    }
  });
}

/// Gives its first row on.
class First final : public RowRule {
 public:
  First()
      : RowRule({.name = "first", .requirement = "n >= 1", .min_rows = find_rule("mean").min_rows},
                {}) {}

 private:
  void reduce_rows(const Rows<float>& rows, std::span<float> out, AggregationContext&,
                   AggregationReport*) const override {
    std::copy_n(rows.row[0], rows.d, out.begin());
  }
  void reduce_rows(const Rows<double>& rows, std::span<double> out, AggregationContext&,
                   AggregationReport*) const override {
    std::copy_n(rows.row[0], rows.d, out.begin());
  }
};

TEST(Nan, OfARuleFromOutsideHasTheSameBits) {
  ThreadPool pool(2);
  Workspace workspace;
  AggregationContext context{pool, workspace};
  auto floats = odd_sample<float>(1, 1, 9000);
  std::vector<float> out(9000);
  First().aggregate(floats.rows(), out, context);
  EXPECT_GT(count_nans(out), 1000U);
  auto doubles = odd_sample<double>(1, 1, 9000);
  std::vector<double> wide(9000);
  First().aggregate(doubles.rows(), wide, context);
  EXPECT_GT(count_nans(wide), 1000U);
}

/// Rows are nobody's to change.
TEST(Nan, InARowStaysAsItIs) {
  auto sample = odd_sample<float>(5, 5, 300);
  const auto before = sample.values;
  test::run_rule("median", {}, sample);
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t c = 0; c < 300; ++c) {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(sample.values[i][c]),
                std::bit_cast<std::uint32_t>(before[i][c]));
    }
  }
}

}  // namespace
}  // namespace detox
