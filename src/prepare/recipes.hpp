// Where data sets come from, and what their files must be.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace detox {

/// A file as its publisher describes it. Checksums are lower-case hexadecimal. SHA-256 decides. MD5
/// is what most publishers print, and so it is compared as well where there is one, but files of
/// equal MD5 can be made on purpose.
struct PublishedFile {
  std::string_view name;
  std::uint64_t bytes = 0;
  std::string_view md5;  ///< or empty
  std::string_view sha256;
};

/// How one data set is prepared: `downloads` from one of `bases` (tried in order, base + name),
/// into the data set's folder. `contents` is what the program then reads there: the same files, or
/// what they unpack to, or (for gzipped ones) what is in them; so a copy that was compressed anew
/// still counts. Where `generated_classes` is not 0 the data set is synthetic, and nothing is
/// downloaded.
struct Recipe {
  std::string_view name;  ///< as in datasets()
  std::string_view page;  ///< for people: where the data set is described
  std::span<const std::string_view> bases;
  std::span<const PublishedFile> downloads;
  std::string_view unpacked;  ///< the folder that the archive holds, or empty
  std::span<const PublishedFile> contents;
  std::size_t generated_classes = 0;

  bool is_synthetic() const { return generated_classes > 0; }
};

/// All of them, sorted by name.
std::span<const Recipe> recipes();
/// UsageError with all names where there is none of this name.
const Recipe& find_recipe(std::string_view name);

}  // namespace detox
