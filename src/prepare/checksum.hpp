// Size, MD5 and SHA-256 of a file, and whether it is the published one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "prepare/recipes.hpp"

namespace detox {

struct Checksums {
  std::uint64_t bytes = 0;
  std::string md5;  ///< empty where the system's OpenSSL refuses MD5 (FIPS mode)
  std::string sha256;
};

/// Of bytes that come in pieces.
class ChecksumBuilder {
 public:
  ChecksumBuilder();
  ~ChecksumBuilder();
  ChecksumBuilder(const ChecksumBuilder&) = delete;
  ChecksumBuilder& operator=(const ChecksumBuilder&) = delete;
  void add(std::span<const std::byte> bytes);
  Checksums finish();  ///< once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Of a file as it lies. InputError where it cannot be read or is not a regular file.
Checksums checksums_of(const std::filesystem::path& file);

/// Of what is in a file, decompressed where it is gzipped. InputError also where the gzip data is
/// damaged, or where it expands to more than `most_bytes`.
Checksums content_checksums_of(const std::filesystem::path& file, std::uint64_t most_bytes);

/// What differs, in words ("4 bytes, published are 5148"); empty where nothing does.
std::string difference_from(const PublishedFile& published, const Checksums& found);

}  // namespace detox
