// Any bytes are a NumPy file or an InputError of one line; where they are one, all its values can
// be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "data/numpy/numpy_header.hpp"
#include "detox/errors.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  try {
    const detox::NumpyHeader header = detox::parse_numpy(file, "fuzz.npy");
    const std::size_t value_bytes = header.type == detox::NumpyType::kFloat32 ? 4 : 8;
    std::size_t sum = 0;
    for (std::size_t i = 0; i < header.n * header.d * value_bytes; ++i) {
      sum += std::to_integer<std::size_t>(file[header.data_offset + i]);
    }
    if (header.n == 0 || header.d == 0 || header.data_offset % value_bytes != 0) std::abort();
    if (sum > 255 * file.size()) std::abort();  // every value is read, and none twice
  } catch (const detox::InputError& error) {
    const std::string_view message = error.what();
    if (!message.starts_with("fuzz.npy: ") || message.find('\n') != message.npos) std::abort();
  }
  return 0;
}
