#include "prepare/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "data/locate.hpp"
#include "detox/errors.hpp"
#include "prepare/checksum.hpp"
#include "prepare/files.hpp"
#include "prepare/synthetic.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

struct Located {
  fs::path folder;
  std::vector<std::pair<fs::path, const PublishedFile*>> files;
  std::vector<std::string> missing;
};

bool is_gzipped(const Recipe& recipe) {
  return std::any_of(recipe.downloads.begin(), recipe.downloads.end(), [&](const auto& download) {
    return recipe.unpacked.empty() && download.name.ends_with(".gz");
  });
}

Located locate_in(const Recipe& recipe, const fs::path& folder) {
  Located located{.folder = folder, .files = {}, .missing = {}};
  for (const PublishedFile& file : recipe.contents) {
    std::vector<fs::path> places;
    for (const std::string& name : spellings_of(std::string(file.name))) {
      places.push_back(folder / name);
      if (is_gzipped(recipe)) places.push_back(folder / (name + ".gz"));
    }
    const auto place = std::find_if(places.begin(), places.end(), is_taken);
    if (place != places.end()) {
      located.files.emplace_back(*place, &file);
    } else {
      located.missing.emplace_back(file.name);
    }
  }
  return located;
}

Located locate(const Recipe& recipe, std::span<const fs::path> folders) {
  std::optional<Located> some;
  for (const fs::path& folder : folders) {
    std::vector<fs::path> places = {folder};
    if (!recipe.unpacked.empty()) places.insert(places.begin(), folder / recipe.unpacked);
    for (const fs::path& place : places) {
      Located located = locate_in(recipe, place);
      if (located.missing.empty()) return located;
      if (!some && !located.files.empty()) some = std::move(located);
    }
  }
  if (some) return *some;
  Located nothing;
  for (const PublishedFile& file : recipe.contents) nothing.missing.emplace_back(file.name);
  return nothing;
}

/// What an action that reads a file finds wrong.
Inspection::File judged(const fs::path& path, const std::function<std::string()>& difference) {
  try {
    const std::string text = difference();
    return {path, text.empty() ? "" : fmt::format("{}: {}", path.string(), text)};
  } catch (const InputError& error) {
    return {path, error.what()};
  }
}

void inspect_archive(const Recipe& recipe, std::span<const fs::path> folders,
                     Inspection& inspection) {
  if (recipe.unpacked.empty()) return;
  for (const fs::path& folder : folders) {
    for (const PublishedFile& file : recipe.downloads) {
      const fs::path path = folder / file.name;
      if (!inspection.archive.empty() || !is_taken(path)) continue;
      inspection.files.push_back(
          judged(path, [&] { return difference_from(file, checksums_of(path)); }));
      if (inspection.files.back().problem.empty()) inspection.archive = path;
      if (inspection.folder.empty()) inspection.folder = folder;
    }
  }
}

Inspection inspect_synthetic(std::span<const fs::path> folders) {
  Inspection inspection;
  for (const fs::path& folder : folders) {
    if (!is_taken(folder / "SYNTHETIC.txt")) continue;
    inspection.folder = folder;
    try {
      for (const SyntheticNote::File& file : read_synthetic_note(folder).files) {
        const fs::path path = folder / file.name;
        if (!is_taken(path)) {
          inspection.missing.push_back(file.name);
          continue;
        }
        const PublishedFile noted{file.name, file.bytes, "", file.sha256};
        inspection.files.push_back(
            judged(path, [&] { return difference_from(noted, checksums_of(path)); }));
      }
    } catch (const InputError& error) {
      inspection.files.push_back({folder / "SYNTHETIC.txt", error.what()});
    }
    break;
  }
  return inspection;
}

}  // namespace

std::vector<std::string> Inspection::problems() const {
  std::vector<std::string> found;
  for (const File& file : files) {
    if (!file.problem.empty()) found.push_back(file.problem);
  }
  return found;
}

bool Inspection::is_complete() const {
  return is_there() && problems().empty() && (missing.empty() || !archive.empty());
}

Inspection inspect(const Recipe& recipe, std::span<const fs::path> folders) {
  if (recipe.is_synthetic()) return inspect_synthetic(folders);
  const Located located = locate(recipe, folders);
  Inspection inspection{
      .folder = located.folder, .files = {}, .missing = located.missing, .archive = {}};
  const bool zipped = is_gzipped(recipe);
  for (const auto& [path, file] : located.files) {
    inspection.files.push_back(judged(path, [&, p = path, f = file] {
      return difference_from(*f, zipped ? content_checksums_of(p, f->bytes) : checksums_of(p));
    }));
  }
  inspect_archive(recipe, folders, inspection);
  return inspection;
}

}  // namespace detox
