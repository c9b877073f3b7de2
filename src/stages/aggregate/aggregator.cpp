#include "detox/aggregator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.hpp"
#include "detox/errors.hpp"
#include "stages/aggregate/pre_chain.hpp"
#include "stages/aggregate/row_weights.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

constexpr std::size_t kMostRows = std::numeric_limits<std::uint16_t>::max();

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

/// unmet_requirement, with the points that reach the rule itself.
std::string unmet_by_points(const RuleInfo& rule, const RuleOptions& options, std::size_t n) {
  const std::size_t f = options.f;
  if (n < rule.min_rows(f))
    return fmt::format("{} needs {}: n = {}, f = {}", rule.name, rule.requirement, n, f);
  if (rule.tries_subsets && subsets(n, f) > kMostSubsets) {
    return fmt::format("{} needs C(n, f) <= {:.0f}: n = {}, f = {}", rule.name, kMostSubsets, n, f);
  }
  return rule.unmet != nullptr ? rule.unmet(options, n) : std::string();
}

/// unmet_requirement, of options that are in range.
std::string unmet_by_rows(const RuleInfo& rule, const RuleOptions& options, std::size_t n) {
  const std::size_t f = options.f;
  if (f > kMostRows || n > kMostRows)
    return fmt::format("{} takes at most {} rows: n = {}, f = {}", rule.name, kMostRows, n, f);
  for (const PreStep& step : options.pre) {
    const PreInfo& info = *step.info;
    if (n < info.min_rows(f))
      return fmt::format("{} needs {}: n = {}, f = {}", info.name, info.requirement, n, f);
    const std::size_t after = info.points_after(n, step.parameter);
    if (rule.trusts_a_row && after != n)
      return fmt::format("{} trusts one row, and {} leaves none by itself", rule.name, info.name);
    n = after;
  }
  std::string unmet = unmet_by_points(rule, options, n);
  if (!unmet.empty() && !options.pre.empty())
    unmet += fmt::format(" (after {})", to_text(options.pre));
  return unmet;
}

/// The options, if they are in range.
const RuleOptions& checked(const RuleOptions& options) {
  const std::string unmet = unmet_options(options);
  if (!unmet.empty()) throw UsageError(unmet);
  return options;
}

}  // namespace

std::string unmet_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n) {
  std::string unmet = unmet_options(options);
  return unmet.empty() ? unmet_by_rows(rule, options, n) : unmet;
}

void check_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n) {
  const std::string unmet = unmet_requirement(rule, options, n);
  if (!unmet.empty()) throw UsageError(unmet);
}

Aggregator::Aggregator(const RuleOptions& options) : options_(checked(options)) {
  for (const PreStep& step : options.pre)
    pre_.push_back(step.info->make(options.f, step.parameter));
}

Aggregator::~Aggregator() = default;

template <class T>
void Aggregator::run(const Rows<T>& rows, std::span<T> out, AggregationContext& context,
                     AggregationReport* report) const {
  const std::string unmet = unmet_by_rows(*info_, options_, rows.n());
  if (!unmet.empty()) throw UsageError(unmet);
  check_shapes<T>(rows, out);
  if (report != nullptr) *report = {};
  Workspace::Scope scratch(context.workspace);
  const std::span<const double> weights =
      usable_weights(*info_, options_, rows.n(), context, scratch);
  if (pre_.empty()) return reduce(Points<T>{rows, {}, nullptr, weights}, out, context, report);
  Mixture<T> mixture;
  apply({options_.pre, pre_}, rows, context, scratch, mixture);
  reduce(mixture.points, out, context, report);
  if (report != nullptr) report_on_rows(mixture.points.mix, mixture.owners, *report);
}

void Aggregator::aggregate(const Rows<float>& rows, std::span<float> out,
                           AggregationContext& context, AggregationReport* report) const {
  run(rows, out, context, report);
}

void Aggregator::aggregate(const Rows<double>& rows, std::span<double> out,
                           AggregationContext& context, AggregationReport* report) const {
  run(rows, out, context, report);
}

}  // namespace detox
