#include "data/resize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "data/image_bytes.hpp"

namespace detox {
namespace {

std::vector<std::uint8_t> resized(const RgbImage& image, std::size_t side) {
  std::vector<std::uint8_t> out(3 * side * side);
  resize_to_square(image, side, out);
  return out;
}

/// The weight of old pixel j in new pixel i, from the definition, for every pair.
double weight(std::size_t i, std::size_t j, double extent, double scaled) {
  const auto new_index = static_cast<double>(i), old_index = static_cast<double>(j);
  const double step = extent / scaled;
  if (scaled <= extent) {
    const double begin = std::max(new_index * step, old_index);
    const double end = std::min((new_index + 1) * step, old_index + 1);
    return std::max(0.0, end - begin) / step;
  }
  const double centre = std::clamp((new_index + 0.5) * step - 0.5, 0.0, extent - 1);
  return std::max(0.0, 1 - std::abs(centre - old_index));
}

double reference(const RgbImage& image, std::size_t side, std::size_t channel, std::size_t y,
                 std::size_t x) {
  const std::size_t shorter = std::min(image.width, image.height);
  const std::size_t width = side * image.width / shorter, height = side * image.height / shorter;
  double sum = 0;
  for (std::size_t v = 0; v < image.height; ++v) {
    const double down = weight(y + (height - side) / 2, v, static_cast<double>(image.height),
                               static_cast<double>(height));
    if (down == 0) continue;
    for (std::size_t u = 0; u < image.width; ++u) {
      const double across = weight(x + (width - side) / 2, u, static_cast<double>(image.width),
                                   static_cast<double>(width));
      sum += down * across * image.values[3 * (v * image.width + u) + channel];
    }
  }
  return sum;
}

TEST(Resize, AgreesWithTheDefinitionInDoublePrecision) {
  const std::pair<std::size_t, std::size_t> sizes[] = {
      {8, 8},  {9, 8}, {64, 64}, {33, 47}, {31, 5},  {5, 31}, {1, 1},
      {1, 20}, {7, 7}, {100, 9}, {2, 3},   {17, 16}, {16, 17}};
  for (const auto& [width, height] : sizes) {
    const RgbImage image = sample_image(width, height);
    for (const std::size_t side : {8U, 16U, 21U}) {
      const auto out = resized(image, side);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const std::size_t channel = i / (side * side), y = i / side % side, x = i % side;
        // Rounded once: at most half of a step away.
        ASSERT_NEAR(out[i], reference(image, side, channel, y, x), 0.5 + 1e-9)
            << width << " x " << height << " to " << side << ", " << channel << ' ' << y << ' '
            << x;
      }
    }
  }
}

TEST(Resize, LeavesAnImageOfTheRightSizeAlone) {
  const RgbImage image = sample_image(16, 16);
  const auto out = resized(image, 16);
  for (std::size_t i = 0; i < 256; ++i) {
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(out[256 * c + i], image.values[3 * i + c]);
  }
}

TEST(Resize, KeepsTheMiddleOfTheLongerSide) {
  const RgbImage image = sample_image(21, 16);
  const auto out = resized(image, 16);
  for (std::size_t y = 0; y < 16; ++y) {
    for (std::size_t x = 0; x < 16; ++x) {
      EXPECT_EQ(out[16 * y + x], image.values[3 * (21 * y + x + 2)]);
    }
  }
}

TEST(Resize, RoundsHalvesUp) {
  const RgbImage image{2, 2, {10, 0, 0, 11, 1, 0, 10, 0, 0, 11, 0, 255}};
  EXPECT_THAT(resized(image, 1), testing::ElementsAre(11, 0, 64));  // 10.5, 0.25, 63.75
}

TEST(Resize, KeepsAFlatImageFlatAtAnySize) {
  for (const std::size_t width : {1U, 3U, 60'000U}) {
    const RgbImage image{width, 2, std::vector<std::uint8_t>(6 * width, 255)};
    const auto out = resized(image, 1024);
    EXPECT_TRUE(std::all_of(out.begin(), out.end(), [](std::uint8_t x) { return x == 255; }));
  }
}

}  // namespace
}  // namespace detox
