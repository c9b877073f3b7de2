#include "detox/aggregator.hpp"

#include <fmt/format.h>

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

}  // namespace

void check_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n) {
  constexpr std::size_t kMostRows = std::numeric_limits<std::uint16_t>::max();
  const std::size_t f = options.f;
  if (f > kMostRows || n < rule.min_rows(f)) {
    throw UsageError(fmt::format("{} needs {}: n = {}, f = {}", rule.name, rule.requirement, n, f));
  }
  if (n > kMostRows) {
    throw UsageError(fmt::format("{} takes at most {} rows: n = {}", rule.name, kMostRows, n));
  }
  if (rule.name == "multi-krum" && options.krum_select > n - f) {
    throw UsageError(fmt::format("{} needs krum-select <= n - f: krum-select = {}, n = {}, f = {}",
                                 rule.name, options.krum_select, n, f));
  }
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
