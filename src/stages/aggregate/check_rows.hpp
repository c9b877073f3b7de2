// What a caller may get wrong about memory.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "detox/errors.hpp"
#include "detox/rows.hpp"

namespace detox {

/// UsageError where no memory holds n rows of d values one behind the other.
template <class T>
void check_size_of(std::string_view what, std::size_t n, std::size_t d) {
  constexpr std::size_t kMost = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T);
  if (n > 0 && d > kMost / n) {
    throw UsageError(fmt::format("{} ({}, {}): more values than memory can hold; valid: at most {}",
                                 what, n, d, kMost));
  }
}

/// UsageError unless there are n rows of d values and, behind out, memory for `written` rows of d
/// values that is none of theirs. Reads no value. whose: "honest ", as messages say it.
template <class T>
void check_rows(const Rows<T>& rows, const T* out, std::size_t written,
                std::string_view whose = "") {
  if (rows.row.data() == nullptr && rows.n() > 0)
    throw UsageError(fmt::format("{}rows ({}, {}) are null", whose, rows.n(), rows.d));
  check_size_of<T>("rows", rows.n(), rows.d);
  check_size_of<T>("out", written, rows.d);
  if (rows.d == 0) return;
  if (out == nullptr && written > 0) {
    throw UsageError(fmt::format("out is null, {}rows are ({}, {}); valid: out of {} values", whose,
                                 rows.n(), rows.d, written * rows.d));
  }
  const auto address = [](const T* values) { return reinterpret_cast<std::uintptr_t>(values); };
  const std::uintptr_t row_bytes = rows.d * sizeof(T), out_bytes = written * row_bytes;
  for (std::size_t i = 0; i < rows.n(); ++i) {
    const std::uintptr_t row = address(rows.row[i]);
    if (row == 0)
      throw UsageError(fmt::format("row {} of {}({}, {}) is null", i, whose, rows.n(), rows.d));
    if (row < address(out) + out_bytes && address(out) < row + row_bytes) {
      throw UsageError(fmt::format("out lies in row {} of {}({}, {}); valid: memory of its own", i,
                                   whose, rows.n(), rows.d));
    }
  }
}

}  // namespace detox
