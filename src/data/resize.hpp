// Images of any size -> squares of one size, by integer arithmetic alone: the same bytes on every
// machine and with every library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "data/image_file.hpp"

namespace detox {

/// The shorter side becomes `side`, the longer one side * longer / shorter rounded down, and of
/// that the middle is kept (an odd remainder leaves one more on the right or below). Along an axis
/// that shrinks, a new pixel is the mean of the old ones that it covers, each by the part that is
/// covered; along one that grows, it lies linearly between the two nearest centres. Both axes are
/// exact fractions, rounded once, halves up. `out`: 3 x side x side, red plane first. Time: that of
/// reading what is kept once or twice.
void resize_to_square(const RgbImage& image, std::size_t side, std::span<std::uint8_t> out);

}  // namespace detox
