#include "record/checkpoint_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>
#include <string_view>
#include <system_error>

#include "base/finite.hpp"
#include "base/log.hpp"
#include "detox/errors.hpp"
#include "record/checkpoint.hpp"
#include "record/damaged_file.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> step_of(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::uint64_t step = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  if (name.size() > 1 && name.front() == '0') return std::nullopt;  // one step, one name
  return step;
}

struct Found {
  std::set<std::uint64_t> models, states;
};

Found find(const fs::path& dir) {
  Found found;
  std::error_code error;
  fs::directory_iterator entries(dir, error);
  if (error == std::errc::no_such_file_or_directory) return found;
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (const auto model = step_of(name, kModelFiles)) found.models.insert(*model);
    if (const auto state = step_of(name, kStateFiles)) found.states.insert(*state);
  }
  if (error) {
    throw InputError(fmt::format("cannot read the folder {}: {}", dir.string(), error.message()));
  }
  return found;
}

std::vector<std::uint64_t> complete(const Found& found) {
  std::vector<std::uint64_t> steps;
  std::set_intersection(found.models.begin(), found.models.end(), found.states.begin(),
                        found.states.end(), std::back_inserter(steps));
  return steps;
}

void remove_steps(const Found& found, const fs::path& dir,
                  const std::function<bool(std::uint64_t)>& is_unwanted) {
  const auto remove = [&](const fs::path& file) {
    std::error_code error;
    if (!fs::remove(file, error) && error) {
      log_warning("cannot remove {}: {}", file.string(), error.message());
    }
  };
  // Models first: a state without a model is no checkpoint, a model without a state would look
  // damaged.
  for (const std::uint64_t step : found.models) {
    if (is_unwanted(step)) remove(model_path(dir, step));
  }
  for (const std::uint64_t step : found.states) {
    if (is_unwanted(step)) remove(state_path(dir, step));
  }
}

}  // namespace

fs::path model_path(const fs::path& dir, std::uint64_t step) {
  return dir / fmt::format("{}{}", kModelFiles, step);
}

fs::path state_path(const fs::path& dir, std::uint64_t step) {
  return dir / fmt::format("{}{}", kStateFiles, step);
}

std::optional<std::uint64_t> step_of_model(const fs::path& model_file) {
  return step_of(model_file.filename().string(), kModelFiles);
}

bool is_checkpoint_name(std::string_view name) {
  return step_of(name, kModelFiles).has_value() || step_of(name, kStateFiles).has_value();
}

std::vector<std::uint64_t> list_checkpoints(const fs::path& dir) { return complete(find(dir)); }

std::vector<std::uint64_t> list_models(const fs::path& dir) {
  const std::set<std::uint64_t> models = find(dir).models;
  return {models.begin(), models.end()};
}

std::optional<fs::path> newest_checkpoint(const fs::path& dir) {
  const std::vector<std::uint64_t> steps = list_checkpoints(dir);
  if (steps.empty()) return std::nullopt;
  return model_path(dir, steps.back());
}

std::optional<std::uint64_t> newest_valid_checkpoint(const fs::path& dir, const ModelLayout& layout,
                                                     std::vector<std::string>& skipped,
                                                     bool finite) {
  const Found found = find(dir);
  for (auto step = found.models.rbegin(); step != found.models.rend(); ++step) {
    if (!found.states.contains(*step)) {
      skipped.push_back(state_path(dir, *step).string() + " is missing");
      continue;
    }
    try {
      const Checkpoint checkpoint = load_checkpoint(model_path(dir, *step), layout);
      if (!finite || all_finite(checkpoint.model.parameters)) return *step;
      skipped.push_back(model_path(dir, *step).string() + " holds weights that are not finite");
    } catch (const DamagedFile& error) {
      skipped.emplace_back(error.what());
    }
  }
  return std::nullopt;
}

bool has_checkpoint_files(const fs::path& dir) {
  const Found found = find(dir);
  return !found.models.empty() || !found.states.empty();
}

void prune_checkpoints(const fs::path& dir, std::size_t keep,
                       std::optional<std::uint64_t> diverged_at, bool keeps_oldest) {
  const Found found = find(dir);
  const std::vector<std::uint64_t> steps = complete(found);
  if (keep == 0 || steps.size() <= keep) return;
  const std::uint64_t oldest = steps[steps.size() - keep];
  std::optional<std::uint64_t> newest_finite;
  for (const std::uint64_t step : steps) {
    if (diverged_at && step < *diverged_at) newest_finite = step;
  }
  remove_steps(found, dir, [&](std::uint64_t step) {
    const bool is_kept = step == newest_finite || (keeps_oldest && step == steps.front());
    return step < oldest && !is_kept;
  });
}

void remove_checkpoints_after(const fs::path& dir, std::uint64_t last) {
  remove_steps(find(dir), dir, [last](std::uint64_t step) { return step > last; });
}

}  // namespace detox
