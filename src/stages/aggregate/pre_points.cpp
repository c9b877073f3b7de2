#include "stages/aggregate/pre_points.hpp"

#include <algorithm>
#include <utility>

#include "detox/errors.hpp"
#include "kernels/narrow.hpp"
#include "stages/aggregate/point_tiles.hpp"
#include "stages/aggregate/pre_chain.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

/// What a chain needs of the rows behind it.
constexpr RuleInfo kAnyPoints{.name = "a chain of steps",
                              .requirement = "n >= 1",
                              .min_rows = [](std::size_t) -> std::size_t { return 1; }};

/// Writes points of d values behind each other.
template <class T>
auto into(std::span<T> out, std::size_t d) {
  return [=](std::size_t i, std::size_t begin, std::span<const T> values) {
    std::ranges::copy(values, out.begin() + static_cast<std::ptrdiff_t>(i * d + begin));
  };
}

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

template <class T, class Write>
void PrePoints::write(const Points<T>& rows, AggregationContext& context,
                      const Write& write) const {
  if (steps_.empty()) return write_points(rows, context, write);
  Workspace::Scope scratch(context.workspace);
  Mixture<T> mixture;
  detox::apply({options_.pre, steps_}, rows, context, scratch, mixture);
  write_points(mixture.points, context, write);
}

void PrePoints::apply(const Rows<float>& rows, std::span<float> out,
                      AggregationContext& context) const {
  write(Points<float>{rows, {}, nullptr}, context, into(out, rows.d));
}
void PrePoints::apply(const Rows<double>& rows, std::span<double> out,
                      AggregationContext& context) const {
  write(Points<double>{rows, {}, nullptr}, context, into(out, rows.d));
}
void PrePoints::apply(const NarrowRows& rows, std::span<std::uint16_t> out,
                      AggregationContext& context) const {
  const std::size_t d = rows.bits.d;
  write(Points<float>{.rows = {}, .mix = {}, .narrow = rows}, context,
        [&](std::size_t i, std::size_t begin, std::span<const float> values) {
          narrow_to(values, rows.type, out.subspan(i * d + begin, values.size()));
        });
}

}  // namespace detox
