#include "detox/row_rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "detox/errors.hpp"
#include "stages/aggregate/point_tiles.hpp"
#include "stages/aggregate/points.hpp"

namespace detox {
namespace {

/// The points as rows. Views the scratch memory.
template <class T>
Rows<T> formed(const Points<T>& points, AggregationContext& context, Workspace::Scope& scratch) {
  const std::size_t n = points.n(), d = points.d();
  if (n == 0 || !points.is_mixed()) return points.rows;
  const auto values = scratch.take<T>(n * d);
  const auto pointers = scratch.take<const T*>(n);
  for (std::size_t i = 0; i < n; ++i) pointers[i] = values.data() + i * d;
  write_points(points, std::span<T>(values), context);
  return {pointers, d};
}

/// Each NaN gets the bits that those of our kernels have. One pass over out.
template <class T>
void make_nans_usual(std::span<T> out, ThreadPool& pool) {
  for_column_ranges(out.size(), pool, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (T& value : out.subspan(begin, end - begin))
      value = std::isnan(value) ? std::numeric_limits<T>::quiet_NaN() : value;
  });
}

void check_size(const RuleInfo& info, std::string_view what, std::size_t size, std::size_t n) {
  if (size == 0 || size == n) return;
  throw UsageError(fmt::format("{} reports {} {} of {} rows; valid: one a row, or none", info.name,
                               size, what, n));
}

}  // namespace

RowRule::RowRule(const RuleInfo& info, const RuleOptions& options)
    : Aggregator(options), own_info_(info) {
  if (info.name.empty() || info.requirement.empty() || info.min_rows == nullptr) {
    throw UsageError(fmt::format(
        "rule '{}': its RuleInfo needs a name, a requirement as \"n >= 2f + 1\", and min_rows",
        info.name));
  }
  know(own_info_);
}

template <class T>
void RowRule::run(const Points<T>& points, std::span<T> out, AggregationContext& context,
                  AggregationReport* report) const {
  if (points.is_narrow()) {
    throw UsageError(
        fmt::format("{} sees rows as they lie, and these are of 16 bits; valid: floats or doubles",
                    own_info_.name));
  }
  Workspace::Scope scratch(context.workspace);
  const Rows<T> rows = formed(points, context, scratch);
  AggregationContext within{.pool = context.pool,
                            .workspace = context.workspace,
                            .step = context.step,
                            .key = context.key,
                            .weights = points.weights,
                            .start = context.start};
  reduce_rows(rows, out, within, report);
  make_nans_usual(out, context.pool);
  if (report == nullptr) return;
  check_size(own_info_, "scores", report->scores.size(), rows.n());
  check_size(own_info_, "weights", report->weights.size(), rows.n());
}

void RowRule::reduce(const Points<float>& points, std::span<float> out, AggregationContext& context,
                     AggregationReport* report) const {
  run(points, out, context, report);
}
void RowRule::reduce(const Points<double>& points, std::span<double> out,
                     AggregationContext& context, AggregationReport* report) const {
  run(points, out, context, report);
}

}  // namespace detox
