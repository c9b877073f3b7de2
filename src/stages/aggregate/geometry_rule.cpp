#include "stages/aggregate/geometry_rule.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "kernels/combine.hpp"
#include "kernels/pairwise.hpp"
#include "stages/aggregate/coordinate_rule.hpp"
#include "stages/aggregate/slots.hpp"

namespace detox {
namespace {

/// Chunks have a fixed size and their sums are added in ascending order, whoever computed them.
template <class T>
Geometry measure_rows(const Rows<T>& rows, AggregationContext& context) {
  const std::size_t n = rows.n(), sums = pairwise_sums(n);
  const std::size_t chunks = (rows.d + kPairwiseChunk - 1) / kPairwiseChunk;
  Workspace& workspace = context.workspace;
  const auto partial = workspace.take<double>(AggregateSlot::kPartialSums, (chunks + 1) * sums);
  const auto task = [&](std::size_t chunk, std::size_t) {
    pairwise_chunk(rows, chunk * kPairwiseChunk, partial.subspan(chunk * sums, sums));
  };
  context.pool.parallel_for(chunks, std::cref(task));

  const auto total = partial.subspan(chunks * sums, sums);
  std::fill(total.begin(), total.end(), 0.0);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    for (std::size_t k = 0; k < sums; ++k) total[k] += partial[chunk * sums + k];
  }

  const auto distances = workspace.take<double>(AggregateSlot::kDistances, n * n);
  const auto norms = workspace.take<double>(AggregateSlot::kNorms, n);
  for (std::size_t i = 0; i < n; ++i) {
    const double norm = total[norm_index(i)];
    norms[i] = norm <= kGreatestSquaredNorm ? norm : std::numeric_limits<double>::infinity();
  }
  for (std::size_t j = 0; j < n; ++j) {
    distances[j * n + j] = 0;
    for (std::size_t i = 0; i < j; ++i) {
      const bool finite = std::isfinite(norms[i]) && std::isfinite(norms[j]);
      const double value =
          finite ? total[distance_index(i, j)] : std::numeric_limits<double>::infinity();
      distances[i * n + j] = distances[j * n + i] = value;
    }
  }
  return {n, distances, norms};
}

template <class T>
void combine_all(const Rows<T>& rows, const Combination& combination, std::span<T> out,
                 ThreadPool& pool) {
  for_column_ranges(rows.d, pool, [&](std::size_t begin, std::size_t end, std::size_t) {
    combine_rows(rows, combination, begin, end, out);
  });
}

}  // namespace

Geometry measure(const Rows<float>& rows, AggregationContext& context) {
  return measure_rows(rows, context);
}
Geometry measure(const Rows<double>& rows, AggregationContext& context) {
  return measure_rows(rows, context);
}

void combine(const Rows<float>& rows, std::span<const double> weights, double divisor,
             std::span<float> out, AggregationContext& context) {
  combine_all(rows, {weights, divisor}, out, context.pool);
}
void combine(const Rows<double>& rows, std::span<const double> weights, double divisor,
             std::span<double> out, AggregationContext& context) {
  combine_all(rows, {weights, divisor}, out, context.pool);
}

void report_weights(const Geometry& geometry, std::span<const double> weights, double divisor,
                    std::string_view reason, AggregationReport& report) {
  for (std::size_t i = 0; i < geometry.n; ++i) {
    report.weights.push_back(weights[i] / divisor);
    if (weights[i] != 0) {
      report.selected.push_back(i);
    } else {
      report.rejected.push_back({i, std::string(geometry.is_finite(i) ? reason : "not finite")});
    }
  }
}

template <class T>
void GeometryRule::run(const Rows<T>& rows, std::span<T> out, AggregationContext& context,
                       AggregationReport* report) const {
  const Geometry geometry = measure(rows, context);
  const auto weights = context.workspace.take<double>(AggregateSlot::kWeights, rows.n());
  std::fill(weights.begin(), weights.end(), 0.0);
  const double divisor = weigh(geometry, context.workspace, weights, report);
  combine(rows, weights, divisor, out, context);
}

void GeometryRule::reduce(const Rows<float>& rows, std::span<float> out,
                          AggregationContext& context, AggregationReport* report) const {
  run(rows, out, context, report);
}
void GeometryRule::reduce(const Rows<double>& rows, std::span<double> out,
                          AggregationContext& context, AggregationReport* report) const {
  run(rows, out, context, report);
}

}  // namespace detox
