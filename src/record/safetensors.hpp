// The safetensors format (https://github.com/huggingface/safetensors): an 8-byte little-endian
// length, that many bytes of JSON that name each tensor with its type, shape and place, then the
// values. Nothing in it is executed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// A tensor whose values, little-endian and row-major, belong to somebody else.
struct TensorView {
  std::string dtype;  ///< "F32", "F64", "I64", "U8", or another of the format's
  std::vector<std::uint64_t> shape;
  std::span<const std::byte> bytes;
};

/// Names sorted, as std::map does.
struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::map<std::string, TensorView> tensors;
};

/// Bytes of one value, 0 for an unknown type.
std::size_t dtype_size(std::string_view dtype);

/// A file as pieces for write_atomically: the header, which it owns, and then the tensors' own
/// bytes. The same content always gives the same bytes: keys are sorted, values lie by falling type
/// size (so all are aligned) and then by name, and spaces pad the header to a multiple of 8 bytes.
/// Names and metadata are UTF-8, and a tensor's bytes fit its shape: anything else is our bug.
/// InputError where they are too many for the format.
struct SafetensorsImage {
  std::string header;
  std::vector<std::span<const std::byte>> pieces;  ///< [0] is the header

  explicit SafetensorsImage(const Safetensors& content);
  SafetensorsImage(const SafetensorsImage&) = delete;  // pieces[0] points into header
  SafetensorsImage& operator=(const SafetensorsImage&) = delete;
};

/// Reads a file's bytes; the views point into them. Strict about bytes that anyone may have made:
/// DamagedFile, opening with `name`, where the header is no JSON of the expected form, a key comes
/// twice, a type is unknown, a shape does not fit its bytes, or the tensors overlap, leave holes or
/// end elsewhere than the file.
Safetensors parse_safetensors(const std::string& name, std::span<const std::byte> bytes);

}  // namespace detox
