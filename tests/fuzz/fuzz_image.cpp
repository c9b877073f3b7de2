// Any bytes as an image file. What is accepted must have the size that it says, and must become a
// square of every size.
#include <cstdlib>

#include "data/image_file.hpp"
#include "data/resize.hpp"
#include "detox/errors.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMost = 1 << 16;  // pixels: small images find the same faults sooner
  try {
    const detox::RgbImage image =
        detox::decode_image("fuzz", std::as_bytes(std::span(data, size)), kMost);
    const std::size_t pixels = image.width * image.height;
    if (pixels < 1 || pixels > kMost || image.values.size() != 3 * pixels) std::abort();
    for (const std::size_t side : {8U, 33U}) {
      std::vector<std::uint8_t> out(3 * side * side);
      detox::resize_to_square(image, side, out);
    }
  } catch (const detox::InputError&) {
  }
  return 0;
}
