// Small CIFAR files made by hand, for the tests.
#pragma once

#include <cstdint>
#include <string>

namespace detox {

/// A pixel that tells sample, channel and place apart.
inline std::uint8_t cifar_pixel(std::size_t sample, std::size_t i) {
  return static_cast<std::uint8_t>((sample * 31 + i * 7 + i / 1024 * 50) % 256);
}

/// `count` records with labels first_label, first_label + 1, … (mod classes), samples numbered from
/// first_sample; a coarse label before each where `coarse`.
inline std::string cifar_bytes(std::size_t count, std::size_t first_sample, std::size_t classes,
                               bool coarse) {
  std::string bytes;
  for (std::size_t sample = first_sample; sample < first_sample + count; ++sample) {
    if (coarse) bytes += static_cast<char>(sample % 20);
    bytes += static_cast<char>(sample % classes);
    for (std::size_t i = 0; i < 3072; ++i) bytes += static_cast<char>(cifar_pixel(sample, i));
  }
  return bytes;
}

}  // namespace detox
