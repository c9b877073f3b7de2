// n row pointers and d: how gradients reach a rule. Receive buffers can be rows as they lie;
// nothing is copied.
#pragma once

#include <cstddef>
#include <cstdint>
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

/// 16-bit floats: Google's, which are the first half of a float, and IEEE's.
enum class NarrowType { kBfloat16, kFloat16 };

/// Rows of 16-bit floats, by their bits. A rule sees them widened, a tile at a time.
struct NarrowRows {
  Rows<std::uint16_t> bits;
  NarrowType type = NarrowType::kBfloat16;
};

}  // namespace detox
