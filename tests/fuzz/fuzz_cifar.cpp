// Any bytes as a CIFAR file and as an archive of CIFAR files, plain or gzipped. What is accepted
// must be whole samples with labels in range, and must not depend on the pieces in which the bytes
// come.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "data/cifar.hpp"
#include "detox/errors.hpp"

namespace {

using Format = detox::CifarFormat;
using Images = std::optional<detox::LabelledImages>;

void require(bool condition) {
  if (!condition) std::abort();
}

detox::ByteSource source_of(std::span<const std::byte> bytes, std::size_t piece_size) {
  return [bytes, piece_size]() mutable {
    const auto piece = bytes.first(std::min(piece_size, bytes.size()));
    bytes = bytes.subspan(piece.size());
    return piece;
  };
}

Images read_file(std::span<const std::byte> bytes, const Format& format, std::size_t piece_size) {
  try {
    detox::LabelledImages images;
    detox::CifarReader reader("fuzz", format, images);
    const auto source = source_of(bytes, piece_size);
    for (auto piece = source(); !piece.empty(); piece = source()) reader.add(piece);
    reader.finish();
    return images;
  } catch (const detox::InputError&) {
    return std::nullopt;
  }
}

Images read_archive(std::span<const std::byte> bytes, const Format& format,
                    std::size_t piece_size) {
  try {
    const auto source = source_of(bytes, piece_size);
    return detox::read_cifar_archive("fuzz", source, format, detox::Split::kTest);
  } catch (const detox::InputError&) {
    return std::nullopt;
  }
}

void compare(const Images& whole, const Images& pieces, const Format& format) {
  require(whole.has_value() == pieces.has_value());
  if (!whole) return;
  require(!whole->labels.empty() && whole->pixels.size() == whole->labels.size() * 3072);
  for (const std::uint16_t label : whole->labels) require(label < format.classes);
  require(whole->labels == pieces->labels && whole->pixels == pieces->pixels);
  require(whole->is_synthetic == pieces->is_synthetic);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  const std::size_t all = std::max(size, std::size_t{1});
  for (const Format& format : {detox::cifar10_format(), detox::cifar100_format()}) {
    compare(read_file(bytes, format, all), read_file(bytes, format, 1000), format);
    compare(read_archive(bytes, format, all), read_archive(bytes, format, 7), format);
  }
  return 0;
}
