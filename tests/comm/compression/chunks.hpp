// Chunks as answers have them, and what a compressor makes of them.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "comm/compression/compressor.hpp"
#include "detox/random.hpp"

namespace detox {

using Bytes = std::vector<std::byte>;

inline constexpr std::size_t kLongestChunk = std::size_t{256} << 10U;

inline Bytes bytes_of(const std::vector<float>& values) {
  Bytes bytes(4 * values.size());
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// Gaussian, as gradients are in what matters here: exponents alike, mantissas noise.
inline std::vector<float> gradient_like(std::size_t count) {
  std::vector<float> values(count);
  RandomStream(key_from_seed(3)).fill_normal(values);
  for (float& value : values) value *= 1e-3F;
  return values;
}

inline Bytes noise(std::size_t size) {
  Bytes bytes(size);
  RandomStream stream(key_from_seed(4));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(stream.next());
  return bytes;
}

struct NamedChunk {
  std::string name;
  Bytes bytes;
};

/// Every kind of value that an answer can hold, in `count` words.
inline std::vector<NamedChunk> kinds_of_chunks(std::size_t count) {
  const std::vector<float> values = gradient_like(count);
  std::vector<float> sparse = values, special = values, denormal = values;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 2 == 0) sparse[i] = 0;
    if (i % 5 == 0) special[i] = std::numeric_limits<float>::quiet_NaN();
    if (i % 7 == 0) special[i] = -std::numeric_limits<float>::infinity();
    if (i % 11 == 0) special[i] = -0.0F;
    denormal[i] *= 1e-37F;
  }
  Bytes payloads = bytes_of(values);  // NaN whose payload differs from word to word
  for (std::size_t i = 0; i < count; ++i) payloads[4 * i + 3] = std::byte{0x7f};
  return {{"gradient", bytes_of(values)},
          {"half zeros", bytes_of(sparse)},
          {"not finite", bytes_of(special)},
          {"denormal", bytes_of(denormal)},
          {"NaN payloads", payloads},
          {"zeros", Bytes(4 * count)},
          {"one value", bytes_of(std::vector<float>(count, -100.0F))},
          {"noise", noise(4 * count)}};
}

}  // namespace detox
