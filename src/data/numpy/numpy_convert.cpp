#include "data/numpy/numpy_convert.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/assert.hpp"

namespace detox {
namespace {

/// IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction.
float from_half(std::uint16_t bits) {
  constexpr int kLeastExponent = -24, kInfiniteExponent = 31;
  const int exponent = bits >> 10U & 31U, fraction = bits & 1023U;
  float value = 0;
  if (exponent == kInfiniteExponent) {
    value = fraction == 0 ? std::numeric_limits<float>::infinity()
                          : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(fraction), kLeastExponent);
  } else {
    value = std::ldexp(static_cast<float>(fraction + 1024), kLeastExponent + exponent - 1);
  }
  return std::copysign(value, bits >> 15U != 0 ? -1.0F : 1.0F);
}

template <class Stored>
Stored stored_value(const std::byte* from, bool is_big_endian) {
  std::array<std::byte, sizeof(Stored)> bytes;
  std::copy_n(from, bytes.size(), bytes.begin());
  if (is_big_endian) std::reverse(bytes.begin(), bytes.end());
  return std::bit_cast<Stored>(bytes);
}

template <class Stored, class T, class Convert>
void convert(const NumpyHeader& header, const std::byte* from, std::vector<T>& out,
             const Convert& value_of) {
  out.resize(header.n * header.d);
  const std::size_t row_stride = header.is_fortran_order ? 1 : header.d;
  const std::size_t column_stride = header.is_fortran_order ? header.n : 1;
  for (std::size_t i = 0; i < header.n; ++i) {
    for (std::size_t j = 0; j < header.d; ++j) {
      const std::size_t at = (i * row_stride + j * column_stride) * sizeof(Stored);
      out[i * header.d + j] = value_of(stored_value<Stored>(from + at, header.is_big_endian));
    }
  }
}

}  // namespace

void convert_numpy(const NumpyHeader& header, const std::byte* from, std::vector<float>& out) {
  if (header.type == NumpyType::kFloat16) {
    convert<std::uint16_t>(header, from, out, from_half);
  } else {
    DETOX_ASSERT(header.type == NumpyType::kFloat32);
    convert<float>(header, from, out, [](float value) { return value; });
  }
}

void convert_numpy(const NumpyHeader& header, const std::byte* from, std::vector<double>& out) {
  DETOX_ASSERT(header.type == NumpyType::kFloat64);
  convert<double>(header, from, out, [](double value) { return value; });
}

}  // namespace detox
