// PNG and JPEG files for the tests, written by the libraries.
#pragma once

#include <gtest/gtest.h>
#include <png.h>
#include <turbojpeg.h>

#include <string>

#include "data/image_file.hpp"

namespace detox {

/// An image whose pixels differ by place, channel and seed.
inline RgbImage sample_image(std::size_t width, std::size_t height, std::size_t seed = 0) {
  RgbImage image{width, height, {}};
  for (std::size_t i = 0; i < 3 * width * height; ++i) {
    image.values.push_back(
        static_cast<std::uint8_t>((i * 7 + i / (3 * width) * 13 + seed * 31) % 256));
  }
  return image;
}

inline std::string png_bytes(const RgbImage& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  EXPECT_NE(png_image_write_to_memory(&png, nullptr, &size, 0, image.values.data(), 0, nullptr), 0);
  std::string bytes(size, '\0');
  EXPECT_NE(
      png_image_write_to_memory(&png, bytes.data(), &size, 0, image.values.data(), 0, nullptr), 0);
  bytes.resize(size);
  return bytes;
}

inline std::string jpeg_bytes(const RgbImage& image) {
  tjhandle encoder = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(encoder, image.values.data(), static_cast<int>(image.width), 0,
                        static_cast<int>(image.height), TJPF_RGB, &data, &size, TJSAMP_420, 90, 0),
            0);
  std::string bytes(reinterpret_cast<const char*>(data), size);
  tjFree(data);
  tjDestroy(encoder);
  return bytes;
}

}  // namespace detox
