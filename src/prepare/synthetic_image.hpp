// One small colour picture of a class that a convolutional network can learn: a textured shape at a
// random place, size and angle, in random colours, before a background with clutter and noise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "detox/random.hpp"

namespace detox {

constexpr std::size_t kSyntheticSide = 32;
constexpr std::size_t kSyntheticPixels = 3 * kSyntheticSide * kSyntheticSide;

/// A class is a shape filled with a texture; `hue` (below kHues) is the colour that it has more
/// often than chance.
struct SyntheticClass {
  std::size_t shape = 0, texture = 0;
  int hue = 0;
};

constexpr int kHues = 6 * 256;
constexpr std::array<std::string_view, 10> kShapeNames = {
    "disc", "square", "triangle", "ring", "cross", "bar", "dumbbell", "crescent", "tee", "frame"};
constexpr std::array<std::string_view, 10> kTextureNames = {
    "plain",  "striped", "upright", "slanted", "checked",
    "dotted", "ringed",  "shaded",  "coarse",  "speckled"};

/// The bytes of one image, (3, 32, 32): red, green, blue. Integers only, every operation exact, so
/// the same stream gives the same bytes on every machine and compiler.
void paint_synthetic(const SyntheticClass& what, RandomStream& random,
                     std::span<std::uint8_t, kSyntheticPixels> image);

}  // namespace detox
