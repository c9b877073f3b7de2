#include "kernels/sign_bits.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace detox {

void pack_signs(std::span<const float> values, std::uint64_t step, std::span<std::byte> out) {
  DETOX_ASSERT(out.size() == packed_sign_bytes(values.size()));
  for (std::size_t byte = 0; byte < out.size(); ++byte) {
    const std::size_t begin = 8 * byte, end = std::min(begin + 8, values.size());
    unsigned bits = 0;
    for (std::size_t i = begin; i < end; ++i) {
      bits |= static_cast<unsigned>(sign_bit(values[i], i, step)) << (i - begin);
    }
    out[byte] = static_cast<std::byte>(bits);
  }
}

void unpack_signs(std::span<const std::byte> bits, std::span<float> values) {
  DETOX_ASSERT(bits.size() == packed_sign_bytes(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool negative = (std::to_integer<unsigned>(bits[i / 8]) >> (i % 8) & 1U) != 0;
    values[i] = negative ? -1.0F : 1.0F;
  }
}

}  // namespace detox
