#include "data/locate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <system_error>

#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

class Search {
 public:
  Search(const DatasetInfo& info, const fs::path& data_dir, const FileSet& wanted)
      : info_(info), wanted_(wanted), folders_(data_folders(info, data_dir)) {}

  FoundFiles run() {
    for (const fs::path& folder : folders_) {
      if (!wanted_.subfolder.empty() && take_all(folder / wanted_.subfolder)) {
        return found(says_synthetic(folder));
      }
      if (take_all(folder)) return found(false);
      if (wanted_.archive.empty()) continue;
      if (auto archive = find_data_file(folder, wanted_.archive)) {
        return {{*archive}, true, says_synthetic(folder)};
      }
    }
    refuse();
  }

 private:
  bool take_all(const fs::path& folder) {
    files_.clear();
    std::vector<std::string> missing;
    for (const std::string& name : wanted_.names) {
      if (auto file = find_data_file(folder, name, !wanted_.is_never_gzipped)) {
        files_.push_back(std::move(*file));
      } else {
        missing.push_back(name);
      }
    }
    if (!missing.empty() && !files_.empty()) {
      incomplete_.push_back(
          fmt::format("{} lacks {}", folder.string(), fmt::join(missing, " and ")));
    }
    return missing.empty();
  }

  FoundFiles found(bool is_synthetic) {
    const bool own = says_synthetic(files_.front().parent_path());
    return {std::move(files_), false, own || is_synthetic};
  }

  [[noreturn]] void refuse() {
    std::vector<std::string> places;
    for (const fs::path& folder : folders_) {
      places.push_back(folder.string());
      for (const std::string& name : wanted_.useless) {
        std::error_code ignored;
        if (!fs::exists(folder / name, ignored)) continue;
        incomplete_.push_back(
            fmt::format("{} is {}", (folder / name).string(), wanted_.why_useless));
      }
    }
    if (info_.source.starts_with("detoxml ")) {
      throw InputError(fmt::format("{}: {} not found together in {}{}{}; '{}' generates them",
                                   info_.name, fmt::join(wanted_.names, " and "),
                                   fmt::join(places, ", "), incomplete_.empty() ? "" : "; ",
                                   fmt::join(incomplete_, "; "), info_.source));
    }
    const std::string archive =
        wanted_.archive.empty() ? "" : fmt::format("{}.gz or ", wanted_.archive);
    const std::string package =
        info_.system_folder.empty()
            ? ""
            : fmt::format(" or install Debian's package dataset-{}",
                          fs::path(info_.system_folder).filename().string());
    throw InputError(fmt::format(
        "{}: {} not found together in {}{}{}; put {}these files ({}from {}) into one of these "
        "folders, name theirs with --data-dir{}, or run detoxml data prepare {}",
        info_.name, fmt::join(wanted_.names, " and "), fmt::join(places, ", "),
        incomplete_.empty() ? "" : "; ", fmt::join(incomplete_, "; "), archive,
        wanted_.is_never_gzipped ? "" : "plain or .gz, ", info_.source, package, info_.name));
  }

  const DatasetInfo& info_;
  const FileSet& wanted_;
  std::vector<fs::path> folders_, files_;
  std::vector<std::string> incomplete_;
};

}  // namespace

std::vector<fs::path> data_folders(const DatasetInfo& info, const fs::path& data_dir) {
  const fs::path base = data_dir.empty() ? fs::path("data") : data_dir;
  std::vector<fs::path> folders = {base / info.folder, base / info.folder / "raw", base};
  if (data_dir.empty() && !info.system_folder.empty()) folders.emplace_back(info.system_folder);
  return folders;
}

std::vector<std::string> spellings_of(const std::string& name) {
  std::vector<std::string> spellings = {name};
  const std::size_t at = name.rfind("-idx");
  if (at != std::string::npos) spellings.push_back(name.substr(0, at) + '.' + name.substr(at + 1));
  return spellings;
}

std::optional<fs::path> find_data_file(const fs::path& folder, const std::string& name,
                                       bool also_gzipped) {
  for (const char* suffix : {"", ".gz"}) {
    if (*suffix != '\0' && !also_gzipped) break;
    for (const std::string& spelling : spellings_of(name)) {
      fs::path file = folder / (spelling + suffix);
      std::error_code ignored;
      if (fs::is_regular_file(file, ignored)) return file;
    }
  }
  return std::nullopt;
}

bool says_synthetic(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "SYNTHETIC.txt", ignored);
}

FoundFiles locate_files(const DatasetInfo& info, const fs::path& data_dir, const FileSet& wanted) {
  return Search(info, data_dir, wanted).run();
}

}  // namespace detox
