#include "detox/aggregator.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "detox/errors.hpp"
#include "kernels/narrow.hpp"
#include "stages/aggregate/check_rows.hpp"
#include "stages/aggregate/point_tiles.hpp"
#include "stages/aggregate/pre_chain.hpp"
#include "stages/aggregate/row_weights.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

template <class T>
void check_shapes(const Rows<T>& rows, std::span<const T> out, std::span<const float> start) {
  const auto refuse_size = [&](std::string_view what, std::size_t size, std::string_view more) {
    throw UsageError(
        fmt::format("{0} has {1} values, rows are ({2}, {3}); valid: {0} of {3} values{4}", what,
                    size, rows.n(), rows.d, more));
  };
  if (out.size() != rows.d) refuse_size("out", out.size(), "");
  if (!start.empty() && start.size() != rows.d) refuse_size("start", start.size(), " or none");
  check_rows(rows, out.data(), 1);
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
  const RowRequirement needed = requirement_in(rule, options.semantics);
  if (n < std::max<std::size_t>(1, needed.min_rows(f)))
    return fmt::format("{} needs {}: n = {}, f = {}", rule.name, needed.text, n, f);
  if (rule.tries_subsets && subsets(n, f) > kMostSubsets) {
    return fmt::format("{} needs C(n, f) <= {:.0f}: n = {}, f = {}", rule.name, kMostSubsets, n, f);
  }
  return rule.unmet != nullptr ? rule.unmet(options, n) : std::string();
}

/// unmet_requirement, of options that are in range.
std::string unmet_by_rows(const RuleInfo& rule, const RuleOptions& options, std::size_t n) {
  const std::size_t f = options.f;
  if (rule.name.empty() || rule.min_rows == nullptr)
    return "a rule without name or min_rows; valid: one of rules(), or your own with both";
  if (n > kMostRows)
    return fmt::format("{} takes at most {} rows: n = {}, f = {}", rule.name, kMostRows, n, f);
  for (const PreStep& step : options.pre) {
    const PreInfo& info = *step.info;
    if (n < info.min_rows(f))
      return fmt::format("{} needs {}: n = {}, f = {}", info.name, info.requirement, n, f);
    const std::size_t after = info.points_after(n, step.parameter);
    if (rule.trusts_a_row && (after != n || (info.permutes && n > 1)))
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

RowRequirement requirement_in(const RuleInfo& rule, Semantics semantics) {
  RowRequirement others = {};
  if (semantics == Semantics::kByzfl) others = rule.needed_in_byzfl;
  if (semantics == Semantics::kByzpy) others = rule.needed_in_byzpy;
  return others.min_rows != nullptr ? others : RowRequirement{rule.requirement, rule.min_rows};
}

std::string unmet_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n) {
  std::string unmet = unmet_options(options);
  return unmet.empty() ? unmet_by_rows(rule, options, n) : unmet;
}

void check_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n) {
  const std::string unmet = unmet_requirement(rule, options, n);
  if (!unmet.empty()) throw UsageError(unmet);
}

std::unique_ptr<Aggregator> RuleMaker::operator()(const RuleOptions& options) const {
  if (function == nullptr) throw UsageError("a rule without a maker; valid: one of rules()");
  return function(options, data);
}

Aggregator::Aggregator(const RuleOptions& options) : options_(checked(options)) {
  for (const PreStep& step : options.pre)
    pre_.push_back(step.info->make(options.f, step.parameter));
}

Aggregator::~Aggregator() = default;

std::string Aggregator::unmet(std::size_t n) const { return unmet_by_rows(*info_, options_, n); }

template <class T>
void Aggregator::check(const Rows<T>& rows, std::span<T> out,
                       const AggregationContext& context) const {
  const std::string why_not = unmet(rows.n());
  if (!why_not.empty()) throw UsageError(why_not);
  check_shapes<T>(rows, out, context.start);
}

template <class T>
void Aggregator::run(const Points<T>& rows, std::span<T> out, AggregationContext& context,
                     AggregationReport* report) const {
  if (report != nullptr) *report = {};
  Workspace::Scope scratch(context.workspace);
  const std::span<const double> weights =
      usable_weights(*info_, options_, rows.n(), context, scratch);
  if (pre_.empty()) {
    return reduce(Points<T>{rows.rows, {}, nullptr, weights, rows.narrow}, out, context, report);
  }
  Mixture<T> mixture;
  apply({options_.pre, pre_}, rows, context, scratch, mixture);
  reduce(mixture.points, out, context, report);
  if (report != nullptr) report_on_rows(mixture.points.mix, mixture.owners, *report);
}

void Aggregator::aggregate(const Rows<float>& rows, std::span<float> out,
                           AggregationContext& context, AggregationReport* report) const {
  check(rows, out, context);
  run({rows, {}, nullptr}, out, context, report);
}

void Aggregator::aggregate(const Rows<double>& rows, std::span<double> out,
                           AggregationContext& context, AggregationReport* report) const {
  check(rows, out, context);
  run({rows, {}, nullptr}, out, context, report);
}

void Aggregator::aggregate(const NarrowRows& rows, std::span<std::uint16_t> out,
                           AggregationContext& context, AggregationReport* report) const {
  check(rows.bits, out, context);
  if (rows.type != NarrowType::kBfloat16 && rows.type != NarrowType::kFloat16) {
    throw UsageError(fmt::format("type of 16-bit floats is {}; valid: kBfloat16, kFloat16",
                                 static_cast<int>(rows.type)));
  }
  Workspace::Scope scratch(context.workspace);
  const std::span<float> wide = scratch.take<float>(out.size());
  run(Points<float>{.rows = {}, .mix = {}, .narrow = rows}, wide, context, report);
  for_column_ranges(out.size(), context.pool, [&](std::size_t begin, std::size_t end, std::size_t) {
    narrow_to(wide.subspan(begin, end - begin), rows.type, out.subspan(begin, end - begin));
  });
}

}  // namespace detox
