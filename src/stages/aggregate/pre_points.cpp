#include "stages/aggregate/pre_points.hpp"

#include <utility>

#include "detox/errors.hpp"
#include "stages/aggregate/point_tiles.hpp"
#include "stages/aggregate/pre_chain.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

/// What a chain needs of the rows behind it.
constexpr RuleInfo kAnyPoints{.name = "a chain of steps",
                              .requirement = "n >= 1",
                              .min_rows = [](std::size_t) -> std::size_t { return 1; }};

}  // namespace

PrePoints::PrePoints(std::size_t f, std::vector<PreStep> steps)
    : options_{.f = f, .pre = std::move(steps)} {
  const std::string unmet = unmet_options(options_);
  if (!unmet.empty()) throw UsageError(unmet);
  for (const PreStep& step : options_.pre) steps_.push_back(step.info->make(f, step.parameter));
}

std::string PrePoints::unmet(std::size_t n) const {
  return unmet_requirement(kAnyPoints, options_, n);
}

std::size_t PrePoints::points_after(std::size_t n) const {
  for (const PreStep& step : options_.pre) n = step.info->points_after(n, step.parameter);
  return n;
}

template <class T>
void PrePoints::write(const Rows<T>& rows, std::span<T> out, AggregationContext& context) const {
  if (steps_.empty()) return write_points(Points<T>{rows, {}, nullptr}, out, context);
  Workspace::Scope scratch(context.workspace);
  Mixture<T> mixture;
  detox::apply({options_.pre, steps_}, rows, context, scratch, mixture);
  write_points(mixture.points, out, context);
}

void PrePoints::apply(const Rows<float>& rows, std::span<float> out,
                      AggregationContext& context) const {
  write(rows, out, context);
}
void PrePoints::apply(const Rows<double>& rows, std::span<double> out,
                      AggregationContext& context) const {
  write(rows, out, context);
}

}  // namespace detox
