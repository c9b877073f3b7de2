// A rule of one's own for the program, in a file of its own: the mean of the least and the greatest
// value of each coordinate, when the f least and the f greatest are left out.
//
//   g++ -std=c++20 -O2 -shared -fPIC -Iinclude -o midrange.so examples/library/rule_module.cpp
//   detoxml train --mode ./midrange.so
#include <detox/rule_module.h>

#include <algorithm>
#include <vector>

namespace {

template <class T>
int midrange(const T* const* rows, std::size_t n, std::size_t d, std::size_t f, T* out, void*) {
  std::vector<T> column(n);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t row = 0; row < n; ++row) column[row] = rows[row][i];
    // Not a number sorts last, whatever made it.
    std::sort(column.begin(), column.end(), [](T a, T b) { return a < b || (b != b && a == a); });
    out[i] = (column[f] + column[n - 1 - f]) / 2;
  }
  return 0;
}

}  // namespace

DETOX_RULE_MODULE(
        .name = "trimmed-midrange", .requirement = "n >= 2f + 1",
        .min_rows = [](std::size_t f) { return 2 * f + 1; }, .reduce_float = midrange<float>,
        .reduce_double = midrange<double>, .data = nullptr);
