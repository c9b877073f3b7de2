#include "data/idx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "data/file_source.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::uint32_t kMostSamples = std::uint32_t{1} << 28;
constexpr unsigned kUnsignedByte = 0x08;

unsigned value_of(std::byte b) { return std::to_integer<unsigned>(b); }

std::uint32_t big_endian(std::span<const std::byte> b) {
  return value_of(b[0]) << 24 | value_of(b[1]) << 16 | value_of(b[2]) << 8 | value_of(b[3]);
}

}  // namespace

IdxReader::IdxReader(std::string name, std::vector<std::uint32_t> item_shape)
    : name_(std::move(name)), item_shape_(std::move(item_shape)) {}

void IdxReader::read_header() {
  const std::span<const std::byte> header(header_);
  const std::size_t rank = item_shape_.size() + 1;
  const auto magic = big_endian(header);
  const auto expected_magic = static_cast<std::uint32_t>(kUnsignedByte << 8 | rank);
  if (magic != expected_magic) {
    throw InputError(
        fmt::format("{}: not an IDX file of {} unsigned bytes: it begins with {:08x}, not {:08x}",
                    name_, rank == 1 ? "labels," : "images,", magic, expected_magic));
  }
  std::size_t item_size = 1;
  for (std::size_t i = 0; i < item_shape_.size(); ++i) {
    const std::uint32_t found = big_endian(header.subspan(8 + 4 * i));
    const bool is_any = item_shape_[i] == kAnyExtent;
    if (is_any ? found < 1 || found > kMostExtent : found != item_shape_[i]) {
      const std::string valid =
          is_any ? fmt::format("from 1 to {}", kMostExtent)
                 : fmt::format("{}; a set of another size is named by its folder: --dataset DIR/",
                               item_shape_[i]);
      throw InputError(fmt::format("{}: dimension {} of an image is {}, it must be {}", name_,
                                   i + 1, found, valid));
    }
    array_.item_shape.push_back(found);
    item_size *= found;
  }
  const std::uint32_t samples = big_endian(header.subspan(4));
  if (samples == 0) throw InputError(name_ + ": it holds no samples");
  if (samples > kMostSamples) {
    throw InputError(fmt::format("{}: its header announces {} samples; the most is {}", name_,
                                 samples, kMostSamples));
  }
  array_.samples = samples;
  expected_ = samples * item_size;
}

void IdxReader::add(std::span<const std::byte> bytes) {
  if (header_.size() < header_size()) {
    const std::size_t taken = std::min(bytes.size(), header_size() - header_.size());
    header_.insert(header_.end(), bytes.begin(),
                   bytes.begin() + static_cast<std::ptrdiff_t>(taken));
    if (header_.size() < header_size()) return;
    read_header();
    bytes = bytes.subspan(taken);
  }
  std::vector<std::uint8_t>& values = array_.values;
  if (bytes.size() > expected_ - values.size()) {
    throw InputError(fmt::format("{}: more bytes follow the {} samples that its header announces",
                                 name_, array_.samples));
  }
  if (bytes.empty()) return;
  const std::size_t before = values.size();
  try {
    values.resize(before + bytes.size());
  } catch (const std::bad_alloc&) {
    throw InputError(fmt::format("{}: not enough memory for its {} bytes", name_, expected_));
  }
  std::memcpy(values.data() + before, bytes.data(), bytes.size());
}

IdxArray IdxReader::finish() {
  if (header_.size() < header_size()) {
    throw InputError(fmt::format("{}: truncated: it ends within the header, after {} bytes", name_,
                                 header_.size()));
  }
  if (array_.values.size() != expected_) {
    throw InputError(fmt::format("{}: truncated: {} samples need {} bytes, it holds {}", name_,
                                 array_.samples, expected_, array_.values.size()));
  }
  return std::move(array_);
}

IdxArray read_idx(const std::string& name, const ByteSource& source,
                  const std::vector<std::uint32_t>& item_shape) {
  IdxReader reader(name, item_shape);
  gunzip(name, source, [&reader](std::span<const std::byte> piece) { reader.add(piece); });
  return reader.finish();
}

IdxArray parse_idx(const std::string& name, std::span<const std::byte> bytes,
                   const std::vector<std::uint32_t>& item_shape) {
  return read_idx(
      name, [&bytes] { return std::exchange(bytes, std::span<const std::byte>()); }, item_shape);
}

IdxArray read_idx_file(const std::filesystem::path& file,
                       const std::vector<std::uint32_t>& item_shape) {
  return read_idx(file.string(), file_source(file), item_shape);
}

}  // namespace detox
