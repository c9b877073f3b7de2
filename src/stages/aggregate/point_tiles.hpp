// Blocks of columns of points, as rows that kernels can read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>

#include "detox/aggregator.hpp"
#include "kernels/combine.hpp"
#include "stages/aggregate/points.hpp"
#include "stages/aggregate/slots.hpp"

namespace detox {

/// A thread takes so many columns of unmixed points at a time; a multiple of every tile and vector.
inline constexpr std::size_t kColumnsAtOnce = 4096;

/// Memory a thread may use for a tile of mixed points.
inline constexpr std::size_t kTileBytes = std::size_t{2} << 20U;

/// Runs work(begin, end, thread) for consecutive ranges of so many columns of [0, d) in parallel.
/// Allocates nothing.
template <class Work>
void for_column_ranges(std::size_t d, ThreadPool& pool, const Work& work,
                       std::size_t columns = kColumnsAtOnce) {
  const auto task = [&](std::size_t block, std::size_t thread) {
    const std::size_t begin = block * columns;
    work(begin, std::min(d, begin + columns), thread);
  };
  pool.parallel_for((d + columns - 1) / columns, std::cref(task));
}

/// Columns of a tile of n mixed points: a multiple of 1024, at most `most`.
template <class T>
std::size_t tile_columns(std::size_t n, std::size_t most) {
  constexpr std::size_t kStep = 1024;
  return std::clamp(kTileBytes / (n * sizeof(T)) / kStep * kStep, kStep, most);
}

/// Room for a tile and its row pointers for every thread.
template <class T>
class PointTiles {
 public:
  PointTiles(const Points<T>& points, std::size_t columns, AggregationContext& context)
      : points_(points),
        columns_(columns),
        values_(context.workspace.take<T>(AggregateSlot::kPointTiles,
                                          context.pool.size() * points.n() * columns)),
        pointers_(context.workspace.take<const T*>(
            AggregateSlot::kTilePointers, context.pool.size() * (points.n() + points.rows.n()))),
        weights_(context.workspace.take<double>(AggregateSlot::kTileWeights,
                                                context.pool.size() * points.rows.n())) {}

  /// Forms the columns [begin, end) of all points: (n, end - begin), until the thread's next call.
  Rows<T> form(std::size_t begin, std::size_t end, std::size_t thread) const {
    const std::size_t n = points_.n(), m = points_.rows.n();
    const std::span<const T*> sources = pointers_.subspan(thread * (n + m), m);
    const std::span<const T*> formed = pointers_.subspan(thread * (n + m) + m, n);
    const std::span<double> weights = weights_.subspan(thread * m, m);
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t count = 0;  // of rows that the point has a part of: the others are not looked at
      for (std::size_t j = 0; j < m; ++j) {
        const double weight = points_.mix_of(i)[j];
        if (weight == 0) continue;
        weights[count] = weight;
        sources[count++] = points_.rows.row[j] + begin;
      }
      const std::span<T> point = values_.subspan((thread * n + i) * columns_, end - begin);
      combine_rows(Rows<T>{sources.first(count), end - begin}, {weights.first(count), 1}, 0,
                   end - begin, point);
      formed[i] = point.data();
    }
    return {formed, end - begin};
  }

 private:
  const Points<T>& points_;
  std::size_t columns_;
  std::span<T> values_;
  std::span<const T*> pointers_;
  std::span<double> weights_;
};

/// Runs work(rows, begin, end, out, thread) for consecutive ranges of columns in parallel: the
/// columns [begin, end) of rows are points, and belong in the same columns of its out. Ranges begin
/// at even columns of the points and of rows.
template <class T, class Work>
void for_point_ranges(const Points<T>& points, std::span<T> out, AggregationContext& context,
                      const Work& work) {
  if (!points.is_mixed()) {
    for_column_ranges(points.d(), context.pool,
                      [&](std::size_t begin, std::size_t end, std::size_t thread) {
                        work(points.rows, begin, end, out, thread);
                      });
    return;
  }
  const std::size_t columns = tile_columns<T>(points.n(), kColumnsAtOnce);
  const PointTiles<T> tiles(points, columns, context);
  for_column_ranges(
      points.d(), context.pool,
      [&](std::size_t begin, std::size_t end, std::size_t thread) {
        work(tiles.form(begin, end, thread), 0, end - begin, out.subspan(begin, end - begin),
             thread);
      },
      columns);
}

}  // namespace detox
