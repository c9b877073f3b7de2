// f equal rows far away: what theory says is left of every rule.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "stages/aggregate/run_rule.hpp"

namespace detox {
namespace {

using test::Sample;

constexpr std::size_t kHonest = 13, kHostile = 2, kWidth = 40;
constexpr double kRadius = 3;

using Column = std::vector<double>;

double mean_of(const Column& column, std::size_t begin, std::size_t end) {
  double sum = 0;
  for (std::size_t i = begin; i < end; ++i) sum += column[i];
  return sum / static_cast<double>(end - begin);
}

/// Of the honest values of every column, sorted.
template <class Reduce>
std::vector<double> by_column(const Sample<double>& honest, const Reduce& reduce) {
  std::vector<double> out;
  for (std::size_t c = 0; c < kWidth; ++c) {
    Column column;
    for (const auto& row : honest.values) column.push_back(row[c]);
    std::sort(column.begin(), column.end());
    out.push_back(reduce(column));
  }
  return out;
}

std::vector<double> mean_of_honest(const Sample<double>& honest) {
  return by_column(honest, [](const Column& column) { return mean_of(column, 0, kHonest); });
}

/// The far values are the greatest, or the least, of n = 15.
std::vector<double> median_beside(const Sample<double>& honest, double far) {
  const std::size_t middle = (kHonest + kHostile) / 2 - (far > 0 ? 0 : kHostile);
  return by_column(honest, [&](const Column& column) { return column[middle]; });
}

std::vector<double> trimmed_beside(const Sample<double>& honest, double far) {
  const std::size_t lowest = far > 0 ? kHostile : 0;
  return by_column(honest, [&](const Column& column) {
    return mean_of(column, lowest, lowest + kHonest - kHostile);
  });
}

std::vector<double> aksel_beside(const Sample<double>& honest, double far) {
  const std::vector<double> median = median_beside(honest, far);
  Sample<double> nearest = honest;
  const auto distance = [&](const std::vector<double>& row) {
    double sum = 0;
    for (std::size_t c = 0; c < kWidth; ++c) sum += std::pow(row[c] - median[c], 2);
    return sum;
  };
  std::ranges::sort(nearest.values, {}, distance);
  nearest.values.resize((kHonest + kHostile + 1) / 2);
  return test::run_rule("normal", {}, nearest);
}

std::vector<double> clipped_beside(const Sample<double>& honest, double far) {
  std::vector<double> out(
      kWidth, std::copysign(kRadius / std::sqrt(static_cast<double>(kWidth)), far) * kHostile);
  for (const auto& row : honest.values) {
    const double norm = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
    for (std::size_t c = 0; c < kWidth; ++c) out[c] += row[c] * std::min(1.0, kRadius / norm);
  }
  for (double& value : out) value /= static_cast<double>(kHonest + kHostile);
  return out;
}

std::vector<double> votes_beside(const Sample<double>& honest, double far) {
  return by_column(honest, [far](const Column& column) {
    double sum = std::copysign(static_cast<double>(kHostile), far);
    for (const double value : column) sum += value > 0 ? 1 : -1;
    return sum > 0 ? 1.0 : -1.0;
  });
}

/// n - f - 2 rows by their scores among the honest, of these the values without f at either end.
std::vector<double> detox_bulyan_beside(Sample<double> honest) {
  AggregationReport report;
  test::run_rule("multi-krum", {}, honest, &report);
  Sample<double> selected;
  for (const std::size_t row : report.selected) selected.values.push_back(honest.values[row]);
  return test::run_rule("trimmed-mean", {.f = kHostile}, selected);
}

/// Empty where theory has nothing simple to say: bulyan of the paper counts neighbours anew each
/// time.
std::vector<double> by_theory(std::string_view rule, Sample<double> honest, double far) {
  if (rule == "aksel") return aksel_beside(honest, far);
  if (rule == "centered-clipping") return clipped_beside(honest, far);
  if (rule == "coord-median") return median_beside(honest, far);
  if (rule == "signSGD") return votes_beside(honest, far);
  if (rule == "trimmed-mean") return trimmed_beside(honest, far);
  if (rule == "bulyan") return detox_bulyan_beside(honest);
  // They count as many neighbours, and keep as much weight, as these of the honest rows alone.
  if (rule == "krum" || rule == "multi-krum") return test::run_rule(rule, {}, honest);
  if (rule == "caf") return test::run_rule(rule, {.f = kHostile / 2}, honest);
  // They are too far to count.
  if (rule == "geometric-median") return test::run_rule(rule, {}, honest);
  return mean_of_honest(honest);
}

TEST(EqualRows, FarAwayLeaveWhatTheorySays) {
  for (const RuleInfo& rule : rules()) {
    if (rule.name == "normal") continue;
    for (const double far : {1e9, -1e9, 1e30}) {
      SCOPED_TRACE(testing::Message() << rule.name << " beside " << far);
      auto sample = test::normal_sample<double>(kHonest, kWidth, 8);
      const auto expected = by_theory(rule.name, sample, far);
      for (const std::size_t place : {3UL, 9UL}) {
        sample.values.insert(sample.values.begin() + static_cast<std::ptrdiff_t>(place),
                             std::vector<double>(kWidth, far));
      }
      const RuleOptions options{
          .f = kHostile, .bulyan_variant = BulyanVariant::kDetox, .clip_radius = kRadius};
      const auto found = test::run_rule(rule.name, options, sample);
      for (std::size_t c = 0; c < kWidth; ++c) ASSERT_NEAR(found[c], expected[c], 2e-5) << c;
    }
  }
}

TEST(EqualRows, OfWhichMoreThanHalfAreHonestAreTheResult) {
  // Whatever the others hold: n - f rows on one point have no variance.
  for (const RuleInfo& rule : rules()) {
    if (rule.name == "normal" || rule.name == "signSGD" || rule.name == "cge") continue;
    if (rule.name == "centered-clipping") continue;
    for (const std::size_t n : {11UL, 15UL}) {
      const std::size_t f = test::most_hostile(rule, n);
      auto sample = test::bits_sample<double>(n, 17, n);
      for (std::size_t i = f; i < n; ++i) {
        for (std::size_t c = 0; c < 17; ++c) sample.values[i][c] = 1 + static_cast<double>(c) / 8;
      }
      const auto found = test::run_rule(rule.name, {.f = f, .reference_row = f}, sample);
      for (std::size_t c = 0; c < 17; ++c)
        ASSERT_NEAR(found[c], sample.values[f][c], 1e-14) << rule.name << " " << n << " " << c;
    }
  }
}

}  // namespace
}  // namespace detox
