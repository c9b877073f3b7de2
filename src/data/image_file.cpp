#include "data/image_file.hpp"

#include <fmt/format.h>
#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>

#include "base/assert.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::array<unsigned char, 8> kPngMagic = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::array<unsigned char, 3> kJpegMagic = {0xff, 0xd8, 0xff};

template <std::size_t n>
bool begins_with(std::span<const std::byte> bytes, const std::array<unsigned char, n>& magic) {
  return bytes.size() >= n &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](unsigned char a, std::byte b) { return std::byte{a} == b; });
}

std::vector<std::uint8_t> buffer(const std::string& name, std::size_t width, std::size_t height,
                                 std::size_t bytes_per_pixel, std::size_t most_pixels) {
  if (width == 0 || height == 0) throw InputError(name + ": an image without pixels");
  if (width > most_pixels / height) {
    throw InputError(
        fmt::format("{}: {} x {} pixels; the most is {} pixels", name, width, height, most_pixels));
  }
  try {
    return std::vector<std::uint8_t>(width * height * bytes_per_pixel);
  } catch (const std::bad_alloc&) {
    throw InputError(
        fmt::format("{}: not enough memory for its {} x {} pixels", name, width, height));
  }
}

struct FreePng {
  void operator()(png_image* image) const { png_image_free(image); }
};

RgbImage decode_png(const std::string& name, std::span<const std::byte> bytes,
                    std::size_t most_pixels) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, FreePng> free_at_end(&png);
  const auto refuse = [&] {
    return InputError(fmt::format("{}: the PNG is damaged ({})", name, printable(png.message)));
  };
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0) throw refuse();
  png.format = PNG_FORMAT_RGBA;
  // Else libpng takes 16 bits without a note of their gamma for linear.
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  RgbImage image{png.width, png.height, {}};
  image.values = buffer(name, image.width, image.height, 4, most_pixels);
  if (png_image_finish_read(&png, nullptr, image.values.data(), 0, nullptr) == 0) throw refuse();
  std::vector<std::uint8_t>& values = image.values;
  const std::size_t pixels = image.width * image.height;
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t c = 0; c < 3; ++c) values[3 * i + c] = values[4 * i + c];
  }
  values.resize(3 * pixels);
  return image;
}

struct FreeJpeg {
  void operator()(void* decoder) const { tjDestroy(decoder); }
};

/// Whether the first warning of a decoder is that bytes nobody needs stand before the end marker,
/// as some cameras leave them: all that came before was read without one, and nothing is read
/// behind it.
bool is_whole(tjhandle decoder) {
  const std::string_view said = tjGetErrorStr2(decoder);
  return tjGetErrorCode(decoder) == TJERR_WARNING &&
         said.ends_with("extraneous bytes before marker 0xd9");
}

RgbImage decode_jpeg(const std::string& name, std::span<const std::byte> bytes,
                     std::size_t most_pixels) {
  const std::unique_ptr<std::remove_pointer_t<tjhandle>, FreeJpeg> decoder(tjInitDecompress());
  DETOX_ASSERT(decoder != nullptr);
  const auto refuse = [&] {
    return InputError(fmt::format("{}: the JPEG is damaged ({})", name,
                                  printable(tjGetErrorStr2(decoder.get()))));
  };
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling,
                          &colours) != 0) {
    throw refuse();
  }
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) {
    throw InputError(name + ": a JPEG in CMYK; convert it to RGB");
  }
  RgbImage image{static_cast<std::size_t>(width), static_cast<std::size_t>(height), {}};
  image.values = buffer(name, image.width, image.height, 3, most_pixels);
  const auto decode = [&](int on_warning) {
    constexpr int kFlags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS;
    return tjDecompress2(decoder.get(), data, bytes.size(), image.values.data(), width, 0, height,
                         TJPF_RGB, kFlags | on_warning);
  };
  if (decode(TJFLAG_STOPONWARNING) == 0) return image;
  if (!is_whole(decoder.get())) throw refuse();
  if (decode(0) != 0 && !is_whole(decoder.get())) throw refuse();
  return image;
}

}  // namespace

RgbImage decode_image(const std::string& name, std::span<const std::byte> bytes,
                      std::size_t most_pixels) {
  if (begins_with(bytes, kPngMagic)) return decode_png(name, bytes, most_pixels);
  if (begins_with(bytes, kJpegMagic)) return decode_jpeg(name, bytes, most_pixels);
  throw InputError(name + ": neither a PNG nor a JPEG image");
}

}  // namespace detox
