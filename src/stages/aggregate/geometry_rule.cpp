#include "stages/aggregate/geometry_rule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/pairwise.hpp"
#include "stages/aggregate/point_tiles.hpp"

namespace detox {
namespace {

/// Room for the distances (n, n) and norms (n) of a Geometry.
struct Measures {
  std::span<double> distances, norms;
};

/// Chunks have a fixed size and their sums are added in ascending order, whoever computed them.
/// sum_chunk(begin, end, thread, sums) sets the sums over the columns [begin, end).
template <class SumChunk>
void measure_chunks(std::size_t d, AggregationContext& context, const SumChunk& sum_chunk,
                    const Measures& to) {
  const auto& [distances, norms] = to;
  const std::size_t n = norms.size();
  const std::size_t sums = pairwise_sums(n), chunks = (d + kPairwiseChunk - 1) / kPairwiseChunk;
  Workspace::Scope scratch(context.workspace);
  const auto partial = scratch.take<double>((chunks + 1) * sums);
  for_column_ranges(
      d, context.pool,
      [&](std::size_t begin, std::size_t end, std::size_t thread) {
        sum_chunk(begin, end, thread, partial.subspan(begin / kPairwiseChunk * sums, sums));
      },
      kPairwiseChunk);

  const auto total = partial.subspan(chunks * sums, sums);
  std::fill(total.begin(), total.end(), 0.0);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    for (std::size_t k = 0; k < sums; ++k) total[k] += partial[chunk * sums + k];
  }

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
}

template <class T>
void measure_mixed(const Points<T>& points, AggregationContext& context, const Measures& to) {
  const std::size_t n = points.n(), d = points.d(), threads = context.pool.size();
  const std::size_t sums = pairwise_sums(n), columns = tile_columns<T>(n, kPairwiseChunk);
  Workspace::Scope scratch(context.workspace);
  const PointTiles<T> tiles(points, columns, threads, scratch);
  const auto of_tiles = scratch.take<double>(threads * sums);
  measure_chunks(
      d, context,
      [&](std::size_t begin, std::size_t end, std::size_t thread, std::span<double> of_chunk) {
        const std::span<double> of_tile = of_tiles.subspan(thread * sums, sums);
        std::ranges::fill(of_chunk, 0.0);
        for (; begin < end; begin += columns) {
          const Rows<T> tile = tiles.form(begin, std::min(end, begin + columns), thread);
          pairwise_columns(tile, 0, tile.d, d, of_tile);
          for (std::size_t k = 0; k < sums; ++k) of_chunk[k] += of_tile[k];
        }
      },
      to);
}

template <class T>
void measure_rows(const Points<T>& points, AggregationContext& context, const Measures& to) {
  Workspace::Scope scratch(context.workspace);
  const RowReader<T> reader(points, kWidenedColumns, context.pool.size(), scratch);
  measure_chunks(
      points.d(), context,
      [&](std::size_t begin, std::size_t end, std::size_t thread, std::span<double> sums) {
        std::ranges::fill(sums, 0.0);
        for (const std::size_t step = reader.columns(kPairwiseChunk); begin < end; begin += step) {
          const Columns<T> part = reader.read(begin, std::min(end, begin + step), thread);
          add_pairwise_columns(part.rows, part.begin, part.end, points.d(), sums);
        }
      },
      to);
}

template <class T>
Geometry measure_points(const Points<T>& points, AggregationContext& context,
                        Workspace::Scope& scratch) {
  if (points.geometry != nullptr) return *points.geometry;
  const std::size_t n = points.n();
  const Measures found{scratch.take<double>(n * n), scratch.take<double>(n)};
  if (points.is_mixed()) {
    measure_mixed(points, context, found);
  } else {
    measure_rows(points, context, found);
  }
  return {n, found.distances, found.norms};
}

/// Of mixed points: what the rows count for where the points do with these weights, and behind them
/// what is more. Views the scratch memory.
template <class T>
std::span<const double> weights_on_rows(const Points<T>& points, std::span<const double> weights,
                                        Workspace::Scope& scratch) {
  const std::size_t n = points.n(), m = points.m();
  const auto on_rows = scratch.take<double>(m + weights.size() - n);
  std::ranges::fill(on_rows, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < m && weights[i] != 0; ++j)
      on_rows[j] += weights[i] * points.mix_of(i)[j];
  }
  std::ranges::copy(weights.subspan(n), on_rows.begin() + static_cast<std::ptrdiff_t>(m));
  return on_rows;
}

/// Of narrow rows. Those of weight 0 are not read here either, so they are not widened.
void combine_narrow(const Points<float>& rows, std::span<const double> weights, double divisor,
                    std::span<float> out, AggregationContext& context, const float* last) {
  const std::size_t m = rows.m();
  Workspace::Scope scratch(context.workspace);
  const auto chosen = scratch.take<std::uint32_t>(m);
  const auto of_chosen = scratch.take<double>(weights.size());
  std::size_t count = 0;
  for (std::uint32_t j = 0; j < m; ++j) {
    if (weights[j] == 0) continue;
    of_chosen[count] = weights[j];
    chosen[count++] = j;
  }
  const auto read = subset(rows, chosen.first(count), scratch);
  if (last != nullptr) of_chosen[count++] = weights[m];
  const RowReader<float> reader(read, widened_columns(count), context.pool.size(), scratch, last);
  for_column_ranges(
      rows.d(), context.pool,
      [&](std::size_t begin, std::size_t end, std::size_t thread) {
        const Columns<float> part = reader.read(begin, end, thread);
        combine_rows(part.rows, {of_chosen.first(count), divisor}, part.begin, part.end,
                     out.subspan(begin, end - begin));
      },
      reader.columns(kColumnsAtOnce));
}

/// Mixed points are combined by their weights on the rows.
template <class T>
void combine_points(const Points<T>& points, std::span<const double> weights, double divisor,
                    std::span<T> out, AggregationContext& context, const T* last) {
  Workspace::Scope scratch(context.workspace);
  if (points.is_mixed()) weights = weights_on_rows(points, weights, scratch);
  if constexpr (std::is_same_v<T, float>) {
    if (points.narrow) {
      return combine_narrow({.rows = {}, .mix = {}, .narrow = points.narrow}, weights, divisor, out,
                            context, last);
    }
  }
  Rows<T> rows = points.rows;
  if (last != nullptr) {
    const auto pointers = scratch.take<const T*>(rows.n() + 1);
    std::ranges::copy(rows.row, pointers.begin());
    pointers.back() = last;
    rows.row = pointers;
  }
  for_column_ranges(rows.d, context.pool, [&](std::size_t begin, std::size_t end, std::size_t) {
    combine_rows(rows, {weights, divisor}, begin, end, out);
  });
}

}  // namespace

Geometry measure(const Points<float>& points, AggregationContext& context,
                 Workspace::Scope& scratch) {
  return measure_points(points, context, scratch);
}
Geometry measure(const Points<double>& points, AggregationContext& context,
                 Workspace::Scope& scratch) {
  return measure_points(points, context, scratch);
}

void combine(const Points<float>& points, std::span<const double> weights, double divisor,
             std::span<float> out, AggregationContext& context, const float* last) {
  combine_points(points, weights, divisor, out, context, last);
}
void combine(const Points<double>& points, std::span<const double> weights, double divisor,
             std::span<double> out, AggregationContext& context, const double* last) {
  combine_points(points, weights, divisor, out, context, last);
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
void GeometryRule::run(const Points<T>& points, std::span<T> out, AggregationContext& context,
                       AggregationReport* report) const {
  Workspace::Scope scratch(context.workspace);
  Geometry geometry = measure(points, context, scratch);
  geometry.row_weights = points.weights;
  const auto weights = scratch.take<double>(points.n());
  std::fill(weights.begin(), weights.end(), 0.0);
  const double divisor = weigh(geometry, scratch, weights, report);
  combine(points, weights, divisor, out, context);
}

void GeometryRule::reduce(const Points<float>& points, std::span<float> out,
                          AggregationContext& context, AggregationReport* report) const {
  run(points, out, context, report);
}
void GeometryRule::reduce(const Points<double>& points, std::span<double> out,
                          AggregationContext& context, AggregationReport* report) const {
  run(points, out, context, report);
}

}  // namespace detox
