// The sign of a value as one bit, for signSGD: on the wire and in the vote. Pure; one call, one
// thread.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace detox {

/// Set: negative. A zero of either sign and NaN have no sign; theirs is the parity of coordinate +
/// step, so that they neither all push one way nor the same way for ever.
template <class T>
bool sign_bit(T value, std::size_t coordinate, std::uint64_t step) {
  if (value == T{0} || std::isnan(value)) return ((coordinate + step) & 1) != 0;
  return std::signbit(value);
}

constexpr std::size_t packed_sign_bytes(std::size_t d) { return (d + 7) / 8; }

/// Bit i % 8 of byte i / 8 is sign_bit(values[i], i, step); the last byte's spare bits are 0. out
/// has packed_sign_bytes(values.size()) bytes.
void pack_signs(std::span<const float> values, std::uint64_t step, std::span<std::byte> out);

/// values[i] = -1 where the bit is set, else +1. bits has packed_sign_bytes(values.size()) bytes;
/// spare bits are ignored.
void unpack_signs(std::span<const std::byte> bits, std::span<float> values);

/// out[i] = the sign of the sum of the rows' +-1, 0 on a tie, for i in [begin, end): what
/// vote_majority gives for the unpacked rows, without unpacking them. 1 to 65535 rows of
/// packed_sign_bytes(end) bytes or more; begin is a multiple of 8. Cost: n / 32 of what reading n
/// rows of floats costs, and writing out.
void packed_sign_majority(std::span<const std::byte* const> rows, std::size_t begin,
                          std::size_t end, std::span<float> out);

}  // namespace detox
