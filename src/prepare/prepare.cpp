#include "prepare/prepare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <vector>

#include "data/locate.hpp"
#include "detox/errors.hpp"
#include "prepare/checksum.hpp"
#include "prepare/fetch.hpp"
#include "prepare/files.hpp"
#include "prepare/transfer_progress.hpp"
#include "prepare/unpack.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPart = ".part";

/// A folder under construction: gone again unless what matters was moved out of it.
class PartFolder {
 public:
  explicit PartFolder(fs::path folder) : folder_(std::move(folder)) {
    remove_left_over(folder_);
    std::error_code error;
    fs::create_directory(folder_, error);
    if (error) {
      throw InputError(
          fmt::format("cannot create the folder {}: {}", folder_.string(), error.message()));
    }
  }
  ~PartFolder() {
    std::error_code ignored;  // the next run removes it
    fs::remove_all(folder_, ignored);
  }
  PartFolder(const PartFolder&) = delete;
  PartFolder& operator=(const PartFolder&) = delete;
  const fs::path& path() const { return folder_; }

 private:
  fs::path folder_;
};

fs::path with_part(const fs::path& name) { return fs::path(name.string() + std::string(kPart)); }

class Preparation {
 public:
  Preparation(const Recipe& recipe, const DatasetInfo& info, const PrepareOptions& options)
      : recipe_(recipe),
        info_(info),
        options_(options),
        folder_(prepared_folder(info, options.data_dir)) {}

  std::string run() {
    const fs::path base = folder_.parent_path();
    const std::vector<fs::path> own = data_folders(info_, base);
    const Inspection there = inspect(recipe_, own);
    refuse_wrong_files(there);
    if (recipe_.is_synthetic()) return generate(there);
    // An archive alone is complete for readers, and still worth unpacking.
    if (there.is_complete() && there.missing.empty()) return already(there.folder);
    if (auto installed = installed_copy()) return *installed;
    const FolderLock lock(folder_);
    if (there.archive.empty()) fetch();
    if (!recipe_.unpacked.empty()) unpack(there.archive);
    return fmt::format("{}: {} and verified: {}", recipe_.name,
                       there.archive.empty() ? "downloaded" : "unpacked", folder_.string());
  }

 private:
  std::string already(const fs::path& where) const {
    return fmt::format("{}: already there, verified: {}", recipe_.name, where.string());
  }

  void refuse_wrong_files(const Inspection& there) const {
    const std::vector<std::string> problems = there.problems();
    if (problems.empty()) return;
    throw InputError(fmt::format("{}; move it away and run this again (nothing is overwritten)",
                                 fmt::join(problems, "; ")));
  }

  /// What there is to say where the system's package holds the data set.
  std::optional<std::string> installed_copy() const {
    if (info_.system_folder.empty() || options_.download_installed || !options_.url.empty()) {
      return std::nullopt;
    }
    const fs::path system(info_.system_folder);
    if (!inspect(recipe_, std::span(&system, 1)).is_complete()) return std::nullopt;
    return fmt::format(
        "{}: already there, verified: {} (Debian's package dataset-{}); it needs no downloading "
        "and "
        "is found where no --data-dir is given",
        recipe_.name, system.string(), system.filename().string());
  }

  std::vector<std::string> bases() const {
    if (options_.url.empty()) return {recipe_.bases.begin(), recipe_.bases.end()};
    return {options_.url.ends_with('/') ? options_.url : options_.url + "/"};
  }

  /// A file that the download would only repeat: its content is there, verified, in another form.
  bool is_needless(const PublishedFile& download) const {
    const std::string_view plain = download.name.substr(0, download.name.rfind(".gz"));
    return recipe_.unpacked.empty() &&
           std::any_of(recipe_.contents.begin(), recipe_.contents.end(), [&](const auto& content) {
             return content.name == plain &&
                    (is_taken(folder_ / content.name) || is_taken(folder_ / download.name));
           });
  }

  void fetch() const {
    for (const PublishedFile& file : recipe_.downloads) {
      // What has this name was verified, or nothing would be fetched.
      if (is_needless(file)) continue;
      TransferProgress progress(fmt::format("{} {}", recipe_.name, file.name), file.bytes);
      const FetchResult result =
          fetch_file(file, bases(), folder_, options_.http,
                     [&progress](std::uint64_t bytes) { progress.update(bytes); });
      if (result.outcome == FetchResult::Outcome::kFailed) refuse(file, result.reasons);
    }
  }

  [[noreturn]] void refuse(const PublishedFile& file,
                           const std::vector<std::string>& reasons) const {
    std::vector<std::string_view> wanted;
    for (const PublishedFile& download : recipe_.downloads) {
      if (!is_taken(folder_ / download.name)) wanted.push_back(download.name);
    }
    throw InputError(fmt::format(
        "{}: cannot download {}: {}; without a network: get {} from {} on another machine, put {} "
        "into {} and run this again, which verifies",
        recipe_.name, file.name, fmt::join(reasons, "; "), fmt::join(wanted, ", "),
        recipe_.bases.empty() ? options_.url : recipe_.bases.front(),
        wanted.size() == 1 ? "it" : "them", folder_.string()));
  }

  /// `archive`: one that lies somewhere else; empty: what was downloaded.
  void unpack(const fs::path& archive) const {
    const PartFolder part(with_part(folder_ / recipe_.unpacked));
    const fs::path inner = part.path() / recipe_.unpacked;
    unpack_archive(archive.empty() ? folder_ / recipe_.downloads.front().name : archive,
                   part.path(), {});
    for (const PublishedFile& file : recipe_.contents) {
      const fs::path path = inner / file.name;
      const std::string difference =
          is_taken(path) ? difference_from(file, checksums_of(path)) : "the archive lacks it";
      if (!difference.empty()) {
        throw InputError(
            fmt::format("{}: {}/{}: {}", recipe_.name, recipe_.unpacked, file.name, difference));
      }
    }
    const fs::path target = folder_ / recipe_.unpacked;
    if (!is_taken(target)) return publish(inner, target);
    // Some of it was there, and is as published.
    for (const fs::directory_entry& entry : fs::directory_iterator(inner)) {
      const fs::path name = target / entry.path().filename();
      if (!is_taken(name)) publish(entry.path(), name);
    }
  }

  std::string generate(const Inspection& there) const {
    const SyntheticSet set{
        .classes = recipe_.generated_classes, .seed = options_.seed, .train = options_.samples};
    if (is_taken(folder_)) {
      const std::string found = read_synthetic_note(folder_).settings;
      if (found != settings_text(set)) {
        throw InputError(
            fmt::format("{} holds {}, not {}; move it away, or choose another --data-dir",
                        folder_.string(), found, settings_text(set)));
      }
      if (there.is_complete()) return already(folder_);
      throw InputError(fmt::format("{}: {} is missing; move the folder away and run this again",
                                   folder_.string(), fmt::join(there.missing, ", ")));
    }
    const FolderLock lock(folder_.parent_path());
    const PartFolder part(with_part(folder_));
    const fs::path whole = part.path() / folder_.filename();
    fs::create_directory(whole);
    ThreadPool pool(options_.threads);
    constexpr std::uint64_t kBytesPerSample = 3073;
    const std::uint64_t bytes = (set.train + set.train / 5) * kBytesPerSample;
    TransferProgress progress(std::string(recipe_.name), bytes);
    write_synthetic(set, whole, pool, [&](double share) {
      progress.update(static_cast<std::uint64_t>(share * static_cast<double>(bytes)));
    });
    publish(whole, folder_);
    return fmt::format("{}: generated (synthetic images, seed {}): {}", recipe_.name, set.seed,
                       folder_.string());
  }

  const Recipe& recipe_;
  const DatasetInfo& info_;
  const PrepareOptions& options_;
  fs::path folder_;
};

}  // namespace

fs::path prepared_folder(const DatasetInfo& info, const fs::path& data_dir) {
  return (data_dir.empty() ? fs::path("data") : data_dir) / info.folder;
}

std::string prepare_dataset(const Recipe& recipe, const DatasetInfo& info,
                            const PrepareOptions& options) {
  return Preparation(recipe, info, options).run();
}

}  // namespace detox
