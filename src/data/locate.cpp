#include "data/locate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <system_error>

#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> find_file(const fs::path& folder, const std::string& name) {
  for (const char* suffix : {"", ".gz"}) {
    const fs::path file = folder / (name + suffix);
    std::error_code ignored;
    if (fs::is_regular_file(file, ignored)) return file;
  }
  return std::nullopt;
}

[[noreturn]] void refuse(const DatasetInfo& info, const fs::path& data_dir,
                         const std::vector<std::string>& names,
                         const std::vector<std::string>& incomplete) {
  std::vector<std::string> places;
  for (const fs::path& folder : data_folders(info, data_dir)) places.push_back(folder.string());
  const std::string package = info.system_folder.empty()
                                  ? ""
                                  : fmt::format(" or install Debian's package dataset-{}",
                                                fs::path(info.system_folder).filename().string());
  throw InputError(fmt::format(
      "{}: {} not found together in {}{}{}; put these files (plain or .gz, from {}) into one of "
      "these folders, name theirs with --data-dir{}",
      info.name, fmt::join(names, " and "), fmt::join(places, ", "), incomplete.empty() ? "" : "; ",
      fmt::join(incomplete, "; "), info.source, package));
}

}  // namespace

std::vector<fs::path> data_folders(const DatasetInfo& info, const fs::path& data_dir) {
  const fs::path base = data_dir.empty() ? fs::path("data") : data_dir;
  std::vector<fs::path> folders = {base / info.folder, base / info.folder / "raw", base};
  if (data_dir.empty() && !info.system_folder.empty()) folders.emplace_back(info.system_folder);
  return folders;
}

bool says_synthetic(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "SYNTHETIC.txt", ignored);
}

std::vector<fs::path> locate_files(const DatasetInfo& info, const fs::path& data_dir,
                                   const std::vector<std::string>& names) {
  std::vector<std::string> incomplete;
  for (const fs::path& folder : data_folders(info, data_dir)) {
    std::vector<fs::path> files;
    std::vector<std::string> missing;
    for (const std::string& name : names) {
      if (auto file = find_file(folder, name)) {
        files.push_back(std::move(*file));
      } else {
        missing.push_back(name);
      }
    }
    if (missing.empty()) return files;
    if (!files.empty()) {
      incomplete.push_back(
          fmt::format("{} lacks {}", folder.string(), fmt::join(missing, " and ")));
    }
  }
  refuse(info, data_dir, names, incomplete);
}

}  // namespace detox
