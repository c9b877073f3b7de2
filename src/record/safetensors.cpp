#include "record/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/assert.hpp"
#include "base/file.hpp"
#include "base/names.hpp"
#include "record/damaged_file.hpp"
#include "record/safetensors_header.hpp"

namespace detox {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kLongestHeader = 100'000'000;  // the limit of the format's own library

constexpr std::array<std::pair<std::string_view, std::size_t>, 15> kDtypes{{
    {"BOOL", 1},
    {"U8", 1},
    {"I8", 1},
    {"F8_E4M3", 1},
    {"F8_E5M2", 1},
    {"U16", 2},
    {"I16", 2},
    {"F16", 2},
    {"BF16", 2},
    {"U32", 4},
    {"I32", 4},
    {"F32", 4},
    {"U64", 8},
    {"I64", 8},
    {"F64", 8},
}};

/// Bytes of a tensor of this shape; false where 64 bits do not hold them.
bool byte_size(const SafetensorsEntry& entry, std::uint64_t& size) {
  size = dtype_size(entry.dtype);
  bool fits = true;
  for (const std::uint64_t extent : entry.shape) {
    fits = !__builtin_mul_overflow(size, extent, &size) && fits;
  }
  return fits;
}

void check_layout(const std::string& name, const SafetensorsHeader& header, std::uint64_t size) {
  using Place = std::pair<std::array<std::uint64_t, 2>, const std::string*>;
  std::vector<Place> places;
  for (const auto& [tensor, entry] : header.tensors) {
    if (dtype_size(entry.dtype) == 0) {
      throw DamagedFile(name + ": the type of tensor '" + printable(tensor) + "' is unknown");
    }
    const auto [begin, end] = entry.offsets;
    std::uint64_t expected = 0;
    if (begin > end || end > size) {
      throw DamagedFile(name + ": truncated or damaged: tensor '" + printable(tensor) +
                        "' does not lie within the file");
    }
    if (!byte_size(entry, expected) || end - begin != expected) {
      throw DamagedFile(name + ": the shape of tensor '" + printable(tensor) +
                        "' does not fit its bytes");
    }
    places.emplace_back(entry.offsets, &tensor);
  }
  std::sort(places.begin(), places.end());
  std::uint64_t position = 0;
  for (const auto& [offsets, tensor] : places) {
    if (offsets[0] != position) {
      throw DamagedFile(name + ": there is a hole or an overlap before tensor '" +
                        printable(*tensor) + "'");
    }
    position = offsets[1];
  }
  if (position != size) throw DamagedFile(name + ": other bytes follow the last tensor");
}

}  // namespace

std::size_t dtype_size(std::string_view dtype) {
  for (const auto& [known, size] : kDtypes) {
    if (known == dtype) return size;
  }
  return 0;
}

SafetensorsImage::SafetensorsImage(const Safetensors& content) {
  std::vector<std::pair<std::string_view, const TensorView*>> order;
  for (const auto& [name, tensor] : content.tensors) order.emplace_back(name, &tensor);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return dtype_size(a.second->dtype) > dtype_size(b.second->dtype);
  });

  SafetensorsHeader entries;
  entries.metadata = content.metadata;
  std::uint64_t position = 0;
  pieces.emplace_back();
  for (const auto& [name, tensor] : order) {
    const std::uint64_t end = position + tensor->bytes.size();
    SafetensorsEntry entry{tensor->dtype, tensor->shape, {position, end}};
    std::uint64_t expected = 0;
    DETOX_ASSERT(byte_size(entry, expected) && expected == tensor->bytes.size());
    entries.tensors.emplace(name, std::move(entry));
    pieces.push_back(tensor->bytes);
    position = end;
  }

  std::string json = format_safetensors_header(entries);
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = json.size();
  if (length > kLongestHeader) {
    throw InputError("a safetensors header of " + std::to_string(length) +
                     " bytes: the format has at most " + std::to_string(kLongestHeader));
  }
  header.resize(kLengthBytes);
  std::memcpy(header.data(), &length, kLengthBytes);
  header += json;
  pieces[0] = bytes_of(header);
}

Safetensors parse_safetensors(const std::string& name, std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < kLengthBytes) {
    throw DamagedFile(name + ": truncated or no safetensors file: it has fewer than 8 bytes");
  }
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kLongestHeader || length > bytes.size() - kLengthBytes) {
    throw DamagedFile(name + ": truncated or no safetensors file: its header does not fit in it");
  }
  const std::string_view json = text_of(bytes.subspan(kLengthBytes, length));
  SafetensorsHeader header = parse_safetensors_header(name, json);
  const std::span<const std::byte> values = bytes.subspan(kLengthBytes + length);
  check_layout(name, header, values.size());

  Safetensors content;
  content.metadata = std::move(header.metadata);
  for (auto& [tensor, entry] : header.tensors) {
    content.tensors.emplace(
        tensor, TensorView{std::move(entry.dtype), std::move(entry.shape),
                           values.subspan(entry.offsets[0], entry.offsets[1] - entry.offsets[0])});
  }
  return content;
}

}  // namespace detox
