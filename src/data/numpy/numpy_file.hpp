// Matrices in NumPy's files: read by mapping, written whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "data/numpy/numpy_header.hpp"
#include "detox/rows.hpp"

namespace detox {

/// An (n, d) .npy file, opened for reading. Little-endian float32 and float64 in C order are mapped
/// and not copied, so the file must not shrink while it is open; all else that parse_numpy takes is
/// copied into that form once, float16 as float32, which has all its values.
class NumpyFile {
 public:
  /// InputError where the file cannot be opened or is not as parse_numpy wants it.
  explicit NumpyFile(const std::filesystem::path& path);

  const NumpyHeader& header() const { return header_; }
  bool is_double() const { return header_.type == NumpyType::kFloat64; }
  /// Views of the values, which live as long as this: the one that is_double says.
  Rows<float> float_rows();
  Rows<double> double_rows();

 private:
  struct Unmap {
    std::size_t size;
    void operator()(const std::byte* memory) const;
  };
  template <class T>
  void find_rows(std::vector<T>& converted, std::vector<const T*>& pointers);

  std::unique_ptr<const std::byte, Unmap> memory_;
  NumpyHeader header_;
  std::vector<float> converted_floats_;
  std::vector<double> converted_doubles_;
  std::vector<const float*> float_pointers_;
  std::vector<const double*> double_pointers_;
};

/// Writes values as a (d,) .npy file, version 1.0, under a temporary name that is renamed when all
/// of it is on the disk. InputError where that fails; then nothing is left, and what was at the
/// path before stays.
void write_numpy(const std::filesystem::path& path, std::span<const float> values);
void write_numpy(const std::filesystem::path& path, std::span<const double> values);

/// The same for a text.
void write_text_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace detox
