// n row pointers and d: how gradients reach a rule. Receive buffers can be rows as they lie;
// nothing is copied.
#pragma once

#include <cstddef>
#include <span>

#include "detox/needs_cpp20.hpp"

namespace detox {

/// View of an (n, d) matrix whose rows may lie anywhere. Owns nothing; the rows outlive it. Rows
/// are read only: nobody else's input is ours to change.
template <class T>
struct Rows {
  std::span<const T* const> row;  ///< n pointers to d values each
  std::size_t d = 0;              ///< coordinates

  std::size_t n() const { return row.size(); }
};

}  // namespace detox
