// Any bytes are a NumPy file or an InputError of one line; where they are one, all its values can
// be read and converted.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "data/numpy/numpy_convert.hpp"
#include "data/numpy/numpy_header.hpp"
#include "detox/errors.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  try {
    const detox::NumpyHeader header = detox::parse_numpy(file, "fuzz.npy");
    const std::size_t value_bytes = size_of(header.type);
    std::size_t sum = 0;
    for (std::size_t i = 0; i < header.n * header.d * value_bytes; ++i) {
      sum += std::to_integer<std::size_t>(file[header.data_offset + i]);
    }
    if (header.n == 0 || header.d == 0) std::abort();
    std::vector<float> floats;
    std::vector<double> doubles;
    const std::byte* from = file.data() + header.data_offset;
    if (header.type == detox::NumpyType::kFloat64) {
      convert_numpy(header, from, doubles);
    } else {
      convert_numpy(header, from, floats);
    }
    if (floats.size() + doubles.size() != header.n * header.d) std::abort();
    if (sum > 255 * file.size()) std::abort();  // every value is read, and none twice
  } catch (const detox::InputError& error) {
    const std::string_view message = error.what();
    if (!message.starts_with("fuzz.npy: ") || message.find('\n') != message.npos) std::abort();
  }
  return 0;
}
