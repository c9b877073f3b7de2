#include "detox/aggregator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.hpp"
#include "detox/errors.hpp"
#include "stages/aggregate/requirement.hpp"

namespace detox {
namespace {

template <class T>
void check_shapes(const Rows<T>& rows, std::span<const T> out) {
  DETOX_ASSERT(rows.d == out.size());
  for (const T* row : rows.row) DETOX_ASSERT(row != nullptr || rows.d == 0);
}

/// C(n, f), or something beyond kMostSubsets.
double subsets(std::size_t n, std::size_t f) {
  double count = 1;
  for (std::size_t i = 0; i < std::min(f, n - f) && count <= kMostSubsets; ++i)
    count = count * static_cast<double>(n - i) / static_cast<double>(i + 1);
  return count;
}

}  // namespace

std::string unmet_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n) {
  constexpr std::size_t kMostRows = std::numeric_limits<std::uint16_t>::max();
  const std::size_t f = options.f;
  if (f > kMostRows || n < rule.min_rows(f))
    return fmt::format("{} needs {}: n = {}, f = {}", rule.name, rule.requirement, n, f);
  if (n > kMostRows)
    return fmt::format("{} takes at most {} rows: n = {}", rule.name, kMostRows, n);
  if (rule.tries_subsets && subsets(n, f) > kMostSubsets) {
    return fmt::format("{} needs C(n, f) <= {:.0f}: n = {}, f = {}", rule.name, kMostSubsets, n, f);
  }
  if (rule.name == "multi-krum" && options.krum_select > n - f) {
    return fmt::format("{} needs krum-select <= n - f: krum-select = {}, n = {}, f = {}", rule.name,
                       options.krum_select, n, f);
  }
  if (rule.name == "monna" && options.reference_row >= n) {
    return fmt::format("{} needs reference-row < n: reference-row = {}, n = {}", rule.name,
                       options.reference_row, n);
  }
  return {};
}

void check_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n) {
  const std::string unmet = unmet_requirement(rule, options, n);
  if (!unmet.empty()) throw UsageError(unmet);
}

void Aggregator::aggregate(const Rows<float>& rows, std::span<float> out,
                           AggregationContext& context, AggregationReport* report) const {
  check_requirement(*info_, options_, rows.n());
  check_shapes<float>(rows, out);
  if (report != nullptr) *report = {};
  reduce(rows, out, context, report);
}

void Aggregator::aggregate(const Rows<double>& rows, std::span<double> out,
                           AggregationContext& context, AggregationReport* report) const {
  check_requirement(*info_, options_, rows.n());
  check_shapes<double>(rows, out);
  if (report != nullptr) *report = {};
  reduce(rows, out, context, report);
}

}  // namespace detox
