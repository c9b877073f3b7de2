#include "experiment/experiment_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <tuple>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "config/given_options.hpp"
#include "config/idle_options.hpp"
#include "config/own_attack.hpp"
#include "config/plan.hpp"
#include "config/rule_file.hpp"
#include "detox/errors.hpp"
#include "experiment/sweep.hpp"
#include "record/checkpoint_files.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyDigits = 12, kLongestFolder = 80;

/// A network, weights or a key in a file are what the file holds.
std::string contents(const RunConfig& config) {
  std::string text;
  const auto add = [&text](std::string_view what, const std::string& file) {
    if (!file.empty()) text += fmt::format("{} {}\n", what, digest_of_file(file));
  };
  add("network", config.network.find('/') != std::string::npos ? config.network : "");
  add("pretrained", config.pretrained);
  const auto step = step_of_model(config.pretrained);
  if (config.pretrained_momentum && step)
    add("momentum", state_path(fs::path(config.pretrained).parent_path(), *step).string());
  add("placement", config.placement_key);
  return text;
}

std::string digest_of_configuration(RunConfig config, bool data_is_registered) {
  const std::string of_files = contents(config);
  if (config.network.find('/') != std::string::npos) config.network = "file";
  if (!config.pretrained.empty()) config.pretrained = "file";
  if (!config.placement_key.empty()) config.placement_key = "file";
  if (!data_is_registered) config.dataset = "image folder";
  if (config.mode) config.mode = identity_of(rule_of(*config.mode));
  config.inner_mode = identity_of(rule_of(config.inner_mode));
  config.err_mode = identity_of(attack_named(config.err_mode));
  DigestBuilder digest;
  for (const Option& option : train_options()) {
    if (!option.in_every_trial)
      digest.add(fmt::format("{} = {}\n", option.name, option_text(option, config)));
  }
  // How a run ends where its weights do not stay finite; what it computes until then is the same.
  if (config.on_divergence != RunConfig().on_divergence)
    digest.add(
        fmt::format("on-divergence = {}\n", option_text(find_option("on-divergence"), config)));
  digest.add(of_files);
  return hex(digest.finish());
}

/// Digests of data sets, each loaded once.
class DataDigests {
 public:
  explicit DataDigests(const Environment& environment) : environment_(environment) {}

  const std::string& of(const RunConfig& config) {
    std::string& digest = known_[{config.dataset, config.data_dir, config.image_size}];
    if (digest.empty()) {
      for (const Split split : {Split::kTrain, Split::kTest})
        digest += (digest.empty() ? "" : " ") + environment_.load_data(config, split)->digest();
    }
    return digest;
  }

 private:
  const Environment& environment_;
  std::map<std::tuple<std::string, std::string, std::uint64_t>, std::string> known_;
};

/// What people call a combination: the names of its values.
std::string words_of(const Experiment& experiment, const std::vector<std::size_t>& cell) {
  std::string words;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const Axis& axis = experiment.axes[i];
    const AxisValue& value = axis.values[cell[i]];
    const bool is_option = value.settings.size() == 1 && value.settings.front().text == value.name;
    words += fmt::format("{}{}{}", words.empty() ? "" : ", ",
                         is_option ? axis.name + "=" : std::string(), value.name);
  }
  return words;
}

bool is_meant(const Experiment& experiment, const std::vector<std::size_t>& cell) {
  const auto matches = [&](const CellRule& rule) { return rule.matches(cell); };
  return (experiment.only.empty() || std::ranges::any_of(experiment.only, matches)) &&
         std::ranges::none_of(experiment.excluded, matches);
}

const std::vector<std::uint64_t>& seeds_for(const Experiment& experiment,
                                            const std::vector<std::size_t>& cell) {
  const std::vector<std::uint64_t>* seeds = &experiment.seeds;
  for (const auto& [rule, others] : experiment.other_seeds) {
    if (rule.matches(cell)) seeds = &others;
  }
  return *seeds;
}

/// The next combination, the last axis changing fastest; false behind the last one.
bool advance(const Experiment& experiment, std::vector<std::size_t>& cell) {
  for (std::size_t i = cell.size(); i-- > 0;) {
    if (++cell[i] < experiment.axes[i].values.size()) return true;
    cell[i] = 0;
  }
  return false;
}

std::vector<Setting> settings_of(const Experiment& experiment,
                                 const std::vector<std::size_t>& cell) {
  std::vector<Setting> settings = experiment.train;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const std::vector<Setting>& more = experiment.axes[i].values[cell[i]].settings;
    settings.insert(settings.end(), more.begin(), more.end());
  }
  return settings;
}

/// Where two ways to write a name are no two runs.
void take_names(RunConfig& config, const Environment& environment) {
  config.network = environment.resolve_network(config.network);
  config.dataset = environment.choose_dataset(config.dataset).name;
  if (config.mode) config.mode = recorded_name(rule_of(*config.mode));
  config.inner_mode = recorded_name(rule_of(config.inner_mode));
  config.err_mode = recorded_name(attack_named(config.err_mode));
}

}  // namespace

std::string RunIdentity::key() const {
  const std::string text = fmt::format("{}\n{}\n{}\n", configuration, data, program);
  return hex(digest_of(bytes_of(text))).substr(0, kKeyDigits);
}

RunConfig settled(const RunConfig& config, const Environment& environment) {
  RunConfig settled = resolve(config, 0);
  take_names(settled, environment);
  const RunConfig defaults;
  for (const IdleOptions& idle : idle_options(settled, make_plan(settled))) {
    if (!idle.are_idle) continue;
    for (const std::string_view name : idle.options) {
      const Option& option = find_option(name);
      set_option(option, option_text(option, defaults), settled);
    }
  }
  return resolve(settled, 0);
}

std::vector<ExperimentRun> runs_of(const Experiment& experiment, const Environment& environment,
                                   const std::string& program, std::vector<std::string>& remarks) {
  DataDigests data(environment);
  std::vector<ExperimentRun> runs;
  std::vector<std::size_t> cell(experiment.axes.size());
  std::size_t cells = 0;
  do {
    if (!is_meant(experiment, cell)) continue;
    ++cells;
    const std::string words = words_of(experiment, cell);
    GivenOptions given;
    given.settings = settings_of(experiment, cell);
    RunConfig config;
    try {
      config = given_config(given);
      take_names(config, environment);
    } catch (const UsageError& error) {
      throw UsageError(
          fmt::format("{}: {}", words.empty() ? experiment.name : words, error.what()));
    }
    for (const std::string& remark : config.remarks) {
      if (std::ranges::find(remarks, remark) == remarks.end()) remarks.push_back(remark);
    }
    const bool is_registered = environment.choose_dataset(config.dataset).info != nullptr;
    for (const std::uint64_t seed : seeds_for(experiment, cell)) {
      if (runs.size() == kMostRuns)
        throw UsageError(fmt::format("{} has more than {} runs", experiment.name, kMostRuns));
      ExperimentRun run;
      run.cell = cell;
      run.seed = seed;
      run.keeps_newest_alone = last_setting(given.settings, "keep-checkpoints") == nullptr;
      run.label = fmt::format("{}{}seed {}", words, words.empty() ? "" : ", ", seed);
      config.seed = seed;
      run.config = config;
      try {
        run.config = settled(config, environment);
      } catch (const UsageError& error) {
        run.refusal = error.what();
      }
      run.config.remarks.clear();
      run.identity = {digest_of_configuration(run.config, is_registered), data.of(config), program};
      run.key = run.identity.key();
      runs.push_back(std::move(run));
    }
  } while (advance(experiment, cell));
  if (cells == 0) throw UsageError(fmt::format("{} leaves out all of its runs", experiment.name));
  return runs;
}

std::string folder_name(const ExperimentRun& run) {
  std::string name;
  for (const char c : run.label) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                          std::string_view("._=+-").find(c) != std::string_view::npos;
    if (is_plain || name.empty() || name.back() != '_') name += is_plain ? c : '_';
  }
  if (name.starts_with('.')) name.front() = '_';
  return fmt::format("{}-{}", name.substr(0, kLongestFolder), run.key);
}

}  // namespace detox
