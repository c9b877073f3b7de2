#include "experiment/tune_directory.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "base/atomic_file.hpp"
#include "base/file.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"
#include "experiment/own_folder.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSearchFile = "tune.json";
constexpr const char* kTuneDirOption = "--tune-dir";
constexpr int kFormat = 1;
constexpr std::array<std::string_view, 4> kOwnFiles = {kSearchFile, "results.json", "results.csv",
                                                       "best.toml"};

/// What tune.json says.
struct RecordedSearch {
  std::map<std::string, std::string> options;  ///< of the latest base
  std::set<std::string> swept;                 ///< ever
};

[[noreturn]] void refuse_damaged(const fs::path& file) {
  throw InputError(fmt::format("{} is damaged; choose another --tune-dir", file.string()));
}

RecordedSearch read_search(const fs::path& file) {
  const std::vector<std::byte> bytes = read_file(file);
  const auto parsed = nlohmann::json::parse(text_of(bytes), nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object() || parsed.value("format", nlohmann::json()) != kFormat ||
      !parsed.contains("options") || !parsed["options"].is_object() || !parsed.contains("swept") ||
      !parsed["swept"].is_array()) {
    refuse_damaged(file);
  }
  RecordedSearch search;
  for (const auto& [name, text] : parsed["options"].items()) {
    if (!text.is_string()) refuse_damaged(file);
    search.options.emplace(name, text.get<std::string>());
  }
  for (const auto& name : parsed["swept"]) {
    if (!name.is_string()) refuse_damaged(file);
    search.swept.insert(name.get<std::string>());
  }
  return search;
}

/// Empty where the folder holds no search yet.
RecordedSearch search_in(const fs::path& dir) {
  std::error_code error;
  if (!fs::exists(dir, error)) return {};
  if (!fs::is_directory(dir, error)) {
    throw InputError(fmt::format("--tune-dir {}: is no directory", dir.string()));
  }
  if (fs::exists(dir / kSearchFile, error)) return read_search(dir / kSearchFile);
  if (is_unused(dir, kTuneDirOption)) return {};
  throw InputError(
      fmt::format("--tune-dir {}: holds files that are no search; choose another, or an empty one",
                  dir.string()));
}

void refuse_other_search(const fs::path& dir, const RecordedSearch& search, const RunConfig& base,
                         const std::vector<Sweep>& sweeps) {
  if (search.options.empty()) return;
  std::vector<std::string> lines;
  for (const Option& option : train_options()) {
    const bool is_swept = search.swept.contains(std::string(option.name)) ||
                          std::any_of(sweeps.begin(), sweeps.end(), [&](const Sweep& sweep) {
                            return sweep.option == option.name;
                          });
    if (is_swept || option.in_every_trial) continue;
    const auto found = search.options.find(std::string(option.name));
    const std::string there =
        found == search.options.end() ? option_text(option, RunConfig{}) : found->second;
    const std::string here = option_text(option, base);
    if (here != there)
      lines.push_back(
          fmt::format("{}: {} here, {} there", option.name, printable(here), printable(there)));
  }
  if (lines.empty()) return;
  throw UsageError(
      fmt::format("--tune-dir {} holds runs with other options: {}; valid: the same options, or "
                  "another --tune-dir",
                  dir.string(), fmt::join(lines, "; ")));
}

}  // namespace

void check_same_search(const fs::path& dir, const RunConfig& base,
                       const std::vector<Sweep>& sweeps) {
  refuse_other_search(dir, search_in(dir), base, sweeps);
}

std::vector<fs::path> run_folders(const fs::path& dir, const std::vector<Trial>& trials) {
  const std::map<std::string, fs::path> there = folders_by_key(dir / kRunsFolder);
  std::vector<fs::path> folders;
  folders.reserve(trials.size());
  for (const Trial& trial : trials) {
    const auto found = there.find(trial.identity);
    folders.push_back(found == there.end() ? dir / kRunsFolder / trial.folder : found->second);
  }
  return folders;
}

TuneDirectory::TuneDirectory(fs::path dir, const RunConfig& base, const std::vector<Sweep>& sweeps)
    : dir_(std::move(dir)) {
  check_same_search(dir_, base, sweeps);
  lock_ = lock_own_folder(dir_, kTuneDirOption, "tuning");
  // Once more, now that nobody else can be writing.
  RecordedSearch search = search_in(dir_);
  refuse_other_search(dir_, search, base, sweeps);
  remove_temporaries(dir_, [](std::string_view name) {
    return std::find(kOwnFiles.begin(), kOwnFiles.end(), name) != kOwnFiles.end();
  });
  for (const Sweep& sweep : sweeps) search.swept.insert(sweep.option);
  for (const Option& option : train_options()) {
    if (option.in_every_trial) continue;
    search.options[std::string(option.name)] = option_text(option, base);
  }
  const nlohmann::json recorded = {
      {"format", kFormat}, {"options", search.options}, {"swept", search.swept}};
  write_atomically(dir_ / kSearchFile, recorded.dump(1) + "\n");
}

}  // namespace detox
