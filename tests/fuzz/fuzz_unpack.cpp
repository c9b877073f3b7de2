// Any bytes as an archive. Whatever it holds, nothing may appear outside the folder it is unpacked
// into, nothing but regular files and folders within it, and no more than the limits allow.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>

#include "detox/errors.hpp"
#include "prepare/unpack.hpp"

namespace {

namespace fs = std::filesystem;

void require(bool condition) {
  if (!condition) std::abort();
}

/// A folder of this process, with one inside it that archives may fill.
const fs::path& playground() {
  static const fs::path kFolder = [] {
    std::string name = (fs::temp_directory_path() / "detox-fuzz-XXXXXX").string();
    require(mkdtemp(name.data()) != nullptr);
    return fs::path(name);
  }();
  return kFolder;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr detox::UnpackLimits kLimits{.bytes = 100'000, .entries = 20};
  const fs::path folder = playground() / "inner";
  fs::create_directory(folder);
  try {
    detox::unpack_archive("fuzz", std::as_bytes(std::span(data, size)), folder, kLimits);
  } catch (const detox::InputError& error) {
    const std::string_view text = error.what();
    require(!text.empty() && text.size() < 1000);
    for (const char c : text) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
  std::uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    require(!entry.is_symlink() && (entry.is_regular_file() || entry.is_directory()));
    if (entry.is_regular_file()) {
      require(entry.hard_link_count() == 1);
      bytes += entry.file_size();
    }
  }
  require(bytes <= kLimits.bytes);
  fs::remove_all(folder);
  require(fs::is_empty(playground()));
  return 0;
}
