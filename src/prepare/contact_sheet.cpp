#include "prepare/contact_sheet.hpp"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/atomic_file.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::uint8_t kWhite = 255;

/// (height, width, channels), as PNG wants it.
struct Sheet {
  std::size_t height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> bytes;
};

void put(const Dataset& data, std::size_t sample, std::size_t top, std::size_t left,
         std::vector<std::uint8_t>& scratch, Sheet& sheet) {
  const ImageShape shape = data.shape();
  data.pixels(sample, scratch);
  for (std::size_t y = 0; y < shape.height; ++y) {
    for (std::size_t x = 0; x < shape.width; ++x) {
      for (std::size_t c = 0; c < shape.channels; ++c) {
        sheet.bytes[((top + y) * sheet.width + left + x) * shape.channels + c] =
            scratch[(c * shape.height + y) * shape.width + x];
      }
    }
  }
}

Sheet compose(const Dataset& data) {
  const auto rows = samples_of_sheet(data);
  const ImageShape shape = data.shape();
  const std::size_t down = shape.height + kSheetGap, across = shape.width + kSheetGap;
  Sheet sheet{.height = kSheetGap + rows.size() * down,
              .width = kSheetGap + kSheetColumns * across,
              .channels = shape.channels,
              .bytes = {}};
  sheet.bytes.assign(sheet.height * sheet.width * sheet.channels, kWhite);
  std::vector<std::uint8_t> scratch(shape.values());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t column = 0; column < rows[row].size(); ++column) {
      put(data, rows[row][column], kSheetGap + row * down, kSheetGap + column * across, scratch,
          sheet);
    }
  }
  return sheet;
}

}  // namespace

std::vector<std::vector<std::size_t>> samples_of_sheet(const Dataset& data) {
  std::vector<std::vector<std::size_t>> rows(std::min(data.classes(), kMostSheetRows));
  for (std::size_t sample = 0; sample < data.size(); ++sample) {
    const auto label = static_cast<std::size_t>(data.label(sample));
    if (label < rows.size() && rows[label].size() < kSheetColumns) rows[label].push_back(sample);
  }
  return rows;
}

void write_contact_sheet(const Dataset& data, const std::filesystem::path& file) {
  const std::size_t channels = data.shape().channels;
  if (channels != 1 && channels != 3) {
    throw InputError(fmt::format("{}: images of {} channels make no picture; valid: 1 and 3",
                                 data.name(), channels));
  }
  const Sheet sheet = compose(data);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(sheet.width);
  image.height = static_cast<png_uint_32>(sheet.height);
  image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  // One call for the size, one for the bytes.
  png_alloc_size_t size = 0;
  std::vector<std::byte> png;
  bool good =
      png_image_write_to_memory(&image, nullptr, &size, 0, sheet.bytes.data(), 0, nullptr) != 0;
  if (good) {
    png.resize(size);
    good = png_image_write_to_memory(&image, png.data(), &size, 0, sheet.bytes.data(), 0,
                                     nullptr) != 0;
  }
  if (!good) {
    throw InputError(fmt::format("cannot make the picture {}: {}", file.string(),
                                 static_cast<const char*>(image.message)));
  }
  const std::array<std::span<const std::byte>, 1> pieces = {std::span(png).first(size)};
  write_atomically(file, pieces);
}

}  // namespace detox
