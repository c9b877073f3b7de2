// Any bytes as an IDX file of images and of labels, plain or gzipped. What is accepted must be what
// its header says, and must not depend on the pieces in which the bytes come.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <span>

#include "data/idx.hpp"
#include "detox/errors.hpp"

namespace {

std::optional<detox::IdxArray> read(std::span<const std::byte> bytes,
                                    const std::vector<std::uint32_t>& item_shape,
                                    std::size_t piece_size) {
  const detox::ByteSource source = [&] {
    const auto piece = bytes.first(std::min(piece_size, bytes.size()));
    bytes = bytes.subspan(piece.size());
    return piece;
  };
  try {
    return detox::read_idx("fuzz", source, item_shape);
  } catch (const detox::InputError&) {
    return std::nullopt;
  }
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  for (const std::vector<std::uint32_t>& item_shape :
       {std::vector<std::uint32_t>{}, {2, 3}, {28, 28}, {detox::kAnyExtent, detox::kAnyExtent}}) {
    const auto whole = read(bytes, item_shape, std::max(size, std::size_t{1}));
    const auto pieces = read(bytes, item_shape, 3);
    require(whole.has_value() == pieces.has_value());
    if (!whole) continue;
    require(whole->item_shape.size() == item_shape.size());
    std::size_t item_size = 1;
    for (const std::uint32_t extent : whole->item_shape) item_size *= extent;
    require(whole->samples >= 1 && whole->values.size() == whole->samples * item_size);
    require(pieces->samples == whole->samples && pieces->values == whole->values);
  }
  return 0;
}
