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

/// A read-only mapping of an (n, d) .npy file; nothing is copied. The file must not shrink while it
/// is open.
class NumpyFile {
 public:
  /// InputError where the file cannot be opened or is not as parse_numpy wants it.
  explicit NumpyFile(const std::filesystem::path& path);

  const NumpyHeader& header() const { return header_; }
  /// Views of the mapping, for the type that the header names; they live as long as this.
  Rows<float> float_rows();
  Rows<double> double_rows();

 private:
  struct Unmap {
    std::size_t size;
    void operator()(const std::byte* memory) const;
  };
  template <class T>
  std::vector<const T*> pointers() const;

  std::unique_ptr<const std::byte, Unmap> memory_;
  NumpyHeader header_;
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
