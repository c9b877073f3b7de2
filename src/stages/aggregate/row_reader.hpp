// Rows behind points as kernels can read them: as they lie, or widened.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

#include "kernels/narrow.hpp"
#include "stages/aggregate/points.hpp"

namespace detox {

/// The most columns of narrow rows that are widened at a time: a block in which distances are
/// summed (kernels/pairwise.hpp).
inline constexpr std::size_t kWidenedColumns = 1024;

/// Of m rows so many: what is widened should stay in a cache.
inline std::size_t widened_columns(std::size_t m) {
  constexpr std::size_t kStep = 64, kValues = std::size_t{1} << 16U;
  return std::clamp(kValues / std::max<std::size_t>(m, 1) / kStep * kStep, kStep, kWidenedColumns);
}

/// Columns [begin, end) of rows.
template <class T>
struct Columns {
  Rows<T> rows;
  std::size_t begin, end;
};

/// Widens in scratch memory of each thread; nothing where rows are not narrow.
template <class T>
class RowReader {
 public:
  /// Reads at most so many columns at a time where it has to widen them. A row `last` (d) may
  /// follow those of the points.
  RowReader(const Points<T>& points, std::size_t columns, std::size_t threads,
            Workspace::Scope& scratch, const T* last = nullptr)
      : points_(points), columns_(columns), last_(last) {
    if (!points.is_narrow()) return;
    values_ = scratch.take<T>(threads * points.m() * columns);
    pointers_ = scratch.take<const T*>(threads * (points.m() + 1));
  }

  /// How many columns to read at a time, where `most` would be right for rows as they lie.
  std::size_t columns(std::size_t most) const { return points_.is_narrow() ? columns_ : most; }

  /// The rows' columns [begin, end), until the thread's next call.
  Columns<T> read(std::size_t begin, std::size_t end, std::size_t thread) const {
    if constexpr (std::is_same_v<T, float>) {
      if (points_.is_narrow()) return widened_part(begin, end, thread);
    }
    return {points_.rows, begin, end};
  }

 private:
  Columns<T> widened_part(std::size_t begin, std::size_t end, std::size_t thread) const {
    const std::size_t m = points_.m(), count = end - begin;
    const std::span<const T*> pointers = pointers_.subspan(thread * (m + 1), m + 1);
    const NarrowRows& rows = *points_.narrow;
    for (std::size_t j = 0; j < m; ++j) {
      const std::span<T> values = values_.subspan((thread * m + j) * columns_, count);
      widen({rows.bits.row[j] + begin, count}, rows.type, values);
      pointers[j] = values.data();
    }
    if (last_ != nullptr) pointers[m] = last_ + begin;
    return {{pointers.first(last_ != nullptr ? m + 1 : m), count}, 0, count};
  }

  const Points<T>& points_;
  std::size_t columns_;
  const T* last_;
  std::span<T> values_;
  std::span<const T*> pointers_;
};

}  // namespace detox
