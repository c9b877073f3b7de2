// PNG and JPEG files -> pixels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace detox {

/// Red, green, blue of one pixel after the other, row by row.
struct RgbImage {
  std::size_t width = 0, height = 0;
  std::vector<std::uint8_t> values;
};

inline constexpr std::size_t kMostPixels = std::size_t{1} << 26;  ///< of one image: 8192 x 8192

/// Decodes what the first bytes say it is, whatever the file is called: PNG by libpng (grey,
/// palette, 16 bits, interlaced; colours as sRGB; transparency is dropped, as PIL's convert("RGB")
/// does), JPEG by libturbojpeg (grey and colour; its exact DCT, whose bits are the same on every
/// processor; the orientation that a camera notes is not applied). InputError, opening with `name`,
/// for other bytes, damaged and truncated data and more than most_pixels pixels, which is checked
/// before memory is taken. Memory: 4 bytes a pixel, 7 for a progressive JPEG.
RgbImage decode_image(const std::string& name, std::span<const std::byte> bytes,
                      std::size_t most_pixels = kMostPixels);

}  // namespace detox
