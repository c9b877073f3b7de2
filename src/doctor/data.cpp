#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/dataset.hpp"
#include "base/own_program.hpp"
#include "data/locate.hpp"
#include "detox/errors.hpp"
#include "doctor/doctor.hpp"
#include "prepare/inspect.hpp"

namespace detox {
namespace {

std::string command_to_prepare(std::string_view name, const IntendedRun& run) {
  std::vector<std::string> words = {"detoxml", "data", "prepare", std::string(name)};
  if (!run.data_dir.empty()) words.insert(words.end(), {"--data-dir", run.data_dir});
  return shell_line(words);
}

Inspection inspect_dataset(const Recipe& recipe, const IntendedRun& run) {
  auto folders = data_folders(find_dataset(recipe.name), run.data_dir);
  // In the data directory itself, the files of MNIST and Fashion-MNIST have the same names.
  if (recipe.unpacked.empty() || recipe.is_synthetic())
    std::erase(folders, run.data_dir.empty() ? "data" : run.data_dir);
  return inspect(recipe, folders);
}

/// Of the set that is to be trained on: what the program's own readers say.
Finding wanted_finding(const IntendedRun& run) {
  try {
    const auto data = load_dataset(choose_dataset(run.dataset).name, run.data_dir, Split::kTrain,
                                   kDefaultImageSize);
    load_dataset(choose_dataset(run.dataset).name, run.data_dir, Split::kTest, kDefaultImageSize);
    return Finding::ok(
        "data", fmt::format("{} can be read: {} training images", data->name(), data->size()));
  } catch (const Error& error) {
    std::string remedy = "detoxml data prepare synthetic-cifar10";
    try {
      const DatasetChoice choice = choose_dataset(run.dataset);
      if (choice.info != nullptr) {
        remedy = choice.info->system_folder.empty() || !run.data_dir.empty()
                     ? command_to_prepare(choice.name, run)
                     : command_to_install("dataset-fashion-mnist");
      }
    } catch (const Error&) {
      remedy = "detoxml list";
    }
    return Finding::error("data", error.what(), remedy);
  }
}

}  // namespace

Findings examine_data(const IntendedRun& run) {
  Findings findings = {wanted_finding(run)};
  std::vector<std::string_view> absent;
  for (const Recipe& recipe : recipes()) {
    const Inspection found = inspect_dataset(recipe, run);
    if (!found.is_there()) {
      absent.push_back(recipe.name);
      continue;
    }
    const std::vector<std::string> problems = found.problems();
    if (problems.empty() && found.is_complete()) {
      findings.push_back(Finding::ok(
          "data", fmt::format("{} in {} is as {}", recipe.name,
                              found.folder.empty() ? found.archive.parent_path().string()
                                                   : found.folder.string(),
                              recipe.is_synthetic() ? "it was generated" : "published")));
      continue;
    }
    const std::string what = problems.empty() ? fmt::format("{} lacks {}", found.folder.string(),
                                                            fmt::join(found.missing, ", "))
                                              : fmt::format("{}", fmt::join(problems, "; "));
    findings.push_back(Finding::warning("data", fmt::format("{}: {}", recipe.name, what),
                                        command_to_prepare(recipe.name, run)));
  }
  if (!absent.empty())
    findings.push_back(Finding::ok(
        "data", fmt::format("not here: {} (detoxml data prepare NAME)", fmt::join(absent, ", "))));
  return findings;
}

}  // namespace detox
