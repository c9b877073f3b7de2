#include "experiment/experiment_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/atomic_file.hpp"
#include "base/log.hpp"
#include "detox/errors.hpp"
#include "experiment/figures.hpp"
#include "experiment/own_folder.hpp"
#include "experiment/result_files.hpp"
#include "experiment/result_tables.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExperimentFile = "experiment.json";
constexpr const char* kDirOption = "--dir";
constexpr int kOwnerFormat = 1;

/// What it writes begins so.
constexpr std::array<std::string_view, 7> kOwnBeginnings = {
    "results.", "table.", "curves.", "heatmap.", "points.", "curves_accuracy.", "curves_loss."};

}  // namespace

void check_experiment_folder(const fs::path& dir) {
  std::error_code error;
  if (!fs::exists(dir, error)) return;
  if (!fs::is_directory(dir, error))
    throw InputError(fmt::format("{} {}: is no directory", kDirOption, dir.string()));
  if (fs::exists(dir / kExperimentFile, error) || is_unused(dir, kDirOption)) return;
  throw InputError(
      fmt::format("{} {}: holds files that are no experiment; choose another, or an empty one",
                  kDirOption, dir.string()));
}

ExperimentDirectory::ExperimentDirectory(fs::path dir, const std::string& name,
                                         const std::string& command)
    : dir_(std::move(dir)) {
  check_experiment_folder(dir_);
  lock_ = lock_own_folder(dir_, kDirOption, "at work");
  remove_temporaries(dir_, [](std::string_view file) {
    return file == kExperimentFile ||
           std::ranges::any_of(kOwnBeginnings,
                               [&](std::string_view own) { return file.starts_with(own); });
  });
  const nlohmann::json whole = {{"format", kOwnerFormat}, {"name", name}, {"command", command}};
  write_atomically(dir_ / kExperimentFile,
                   whole.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void ExperimentDirectory::write(const Results& results) const { write_results(dir_, results); }

void ExperimentDirectory::conclude(const Results& results) const {
  write(results);
  fmt::print("{}", table_text(results));
  std::fflush(stdout);
  if (const std::string why = draw_figures(dir_, results); !why.empty())
    log_warning("no figures: {}", why);
}

}  // namespace detox
