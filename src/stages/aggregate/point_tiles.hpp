// Blocks of columns of points, as rows that kernels can read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>

#include "detox/aggregator.hpp"
#include "kernels/combine.hpp"
#include "stages/aggregate/points.hpp"
#include "stages/aggregate/row_reader.hpp"

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

/// Forms tiles, in scratch memory for one and its row pointers for every thread. What most points
/// have in common (nearly all of it after nnm) is summed once a column, in double, and each point
/// then adds what it has otherwise. A row that only few points have a part of is never in that sum,
/// so a huge one is not cancelled out of the others.
template <class T>
class PointTiles {
 public:
  PointTiles(const Points<T>& points, std::size_t columns, std::size_t threads,
             Workspace::Scope& scratch)
      : points_(points),
        reader_(points, widened_columns(points.m()), threads, scratch),
        columns_(columns) {
    const std::size_t n = points.n(), m = points.m();
    values_ = scratch.take<T>(threads * n * columns);
    pointers_ = scratch.take<const T*>(threads * (n + m));
    sums_ = scratch.take<double>(threads * columns);
    weights_ = scratch.take<double>(threads * m);
    common_ = scratch.take<double>(m);
    for (std::size_t j = 0; j < m; ++j) common_[j] = weight_of_most(j);
    has_common_ = std::ranges::any_of(common_, [](double weight) { return weight != 0; });
  }

  /// Forms the columns [begin, end) of all points: (n, end - begin), until the thread's next call.
  Rows<T> form(std::size_t begin, std::size_t end, std::size_t thread) const {
    const std::size_t n = points_.n(), m = points_.m(), step = reader_.columns(end - begin);
    const std::span<const T*> formed = pointers_.subspan(thread * (n + m) + m, n);
    for (std::size_t i = 0; i < n; ++i) formed[i] = &values_[(thread * n + i) * columns_];
    for (std::size_t at = begin; at < end; at += step)
      mix(reader_.read(at, std::min(end, at + step), thread), at - begin, thread);
    return {formed, end - begin};
  }

 private:
  struct Parts {
    std::span<const T*> sources;
    std::span<double> weights;
  };

  /// Sets the columns from `at` on of the thread's tile.
  void mix(const Columns<T>& of_rows, std::size_t at, std::size_t thread) const {
    const std::size_t n = points_.n(), count = of_rows.end - of_rows.begin;
    std::span<double> sum;
    if (has_common_) {
      sum = sums_.subspan(thread * columns_, count);
      combine_wide(of_rows.rows, {common_}, of_rows.begin, of_rows.end, sum);
    }
    for (std::size_t i = 0; i < n; ++i) {
      const std::span<T> point = values_.subspan((thread * n + i) * columns_ + at, count);
      const auto [sources, weights] = what_differs(i, of_rows, thread);
      combine_rows(Rows<T>{sources, count}, {weights, 1, sum}, 0, count, point);
    }
  }

  /// The weight of row j that more than half of the points have, or 0.
  double weight_of_most(std::size_t j) const {
    const std::size_t n = points_.n();
    double candidate = 0;  // Boyer and Moore's
    std::size_t lead = 0, having = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double weight = points_.mix_of(i)[j];
      if (lead == 0) candidate = weight;
      weight == candidate ? ++lead : --lead;
    }
    for (std::size_t i = 0; i < n; ++i) having += points_.mix_of(i)[j] == candidate ? 1 : 0;
    return 2 * having > n ? candidate : 0;
  }

  /// Of point i, beside what most have.
  Parts what_differs(std::size_t i, const Columns<T>& of_rows, std::size_t thread) const {
    const std::size_t n = points_.n(), m = points_.m();
    const std::span<const T*> sources = pointers_.subspan(thread * (n + m), m);
    const std::span<double> weights = weights_.subspan(thread * m, m);
    std::size_t count = 0;
    for (std::size_t j = 0; j < m; ++j) {
      const double weight = points_.mix_of(i)[j] - common_[j];
      if (weight == 0) continue;
      weights[count] = weight;
      sources[count++] = of_rows.rows.row[j] + of_rows.begin;
    }
    return {sources.first(count), weights.first(count)};
  }

  const Points<T>& points_;
  RowReader<T> reader_;
  std::size_t columns_;
  std::span<T> values_;
  std::span<const T*> pointers_;
  std::span<double> sums_, weights_, common_;
  bool has_common_ = false;
};

/// Runs work(rows, begin, end, out, thread) for consecutive ranges of columns in parallel: the
/// columns [begin, end) of rows are points, and belong in the same columns of its out. Ranges begin
/// at even columns of the points and of rows.
template <class T, class Work>
void for_point_ranges(const Points<T>& points, std::span<T> out, AggregationContext& context,
                      const Work& work) {
  Workspace::Scope scratch(context.workspace);
  if (!points.is_mixed()) {
    const RowReader<T> reader(points, widened_columns(points.m()), context.pool.size(), scratch);
    for_column_ranges(
        points.d(), context.pool,
        [&](std::size_t begin, std::size_t end, std::size_t thread) {
          const Columns<T> part = reader.read(begin, end, thread);
          work(part.rows, part.begin, part.end, out.subspan(begin - part.begin, part.rows.d),
               thread);
        },
        reader.columns(kColumnsAtOnce));
    return;
  }
  const std::size_t columns = tile_columns<T>(points.n(), kColumnsAtOnce);
  const PointTiles<T> tiles(points, columns, context.pool.size(), scratch);
  for_column_ranges(
      points.d(), context.pool,
      [&](std::size_t begin, std::size_t end, std::size_t thread) {
        work(tiles.form(begin, end, thread), 0, end - begin, out.subspan(begin, end - begin),
             thread);
      },
      columns);
}

/// Runs write(i, begin, values) for all points i and parts of their columns in parallel: the values
/// of the columns from `begin` on.
template <class T, class Write>
void write_points(const Points<T>& points, AggregationContext& context, const Write& write) {
  const std::size_t n = points.n(), d = points.d();
  Workspace::Scope scratch(context.workspace);
  const auto write_all = [&](const Columns<T>& part, std::size_t begin) {
    for (std::size_t i = 0; i < n; ++i)
      write(i, begin, std::span(part.rows.row[i] + part.begin, part.end - part.begin));
  };
  if (!points.is_mixed()) {
    const RowReader<T> reader(points, widened_columns(n), context.pool.size(), scratch);
    for_column_ranges(
        d, context.pool,
        [&](std::size_t begin, std::size_t end, std::size_t thread) {
          write_all(reader.read(begin, end, thread), begin);
        },
        reader.columns(kColumnsAtOnce));
    return;
  }
  const std::size_t columns = tile_columns<T>(n, kColumnsAtOnce);
  const PointTiles<T> tiles(points, columns, context.pool.size(), scratch);
  for_column_ranges(
      d, context.pool,
      [&](std::size_t begin, std::size_t end, std::size_t thread) {
        write_all({tiles.form(begin, end, thread), 0, end - begin}, begin);
      },
      columns);
}

/// values (n, d) = the points, one behind the other.
template <class T>
void write_points(const Points<T>& points, std::span<T> values, AggregationContext& context) {
  write_points(points, context, [&](std::size_t i, std::size_t begin, std::span<const T> part) {
    std::ranges::copy(part, &values[i * points.d() + begin]);
  });
}

}  // namespace detox
