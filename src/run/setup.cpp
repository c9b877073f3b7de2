#include "run/setup.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/finite.hpp"
#include "base/learner.hpp"
#include "base/log.hpp"
#include "base/mistakes.hpp"
#include "base/names.hpp"
#include "config/foreign_values.hpp"
#include "config/own_attack.hpp"
#include "config/rule_file.hpp"
#include "detox/errors.hpp"
#include "detox/random.hpp"
#include "kernels/target.hpp"
#include "record/checkpoint.hpp"
#include "record/checkpoint_files.hpp"
#include "record/journal.hpp"
#include "record/pretrained.hpp"
#include "record/run_files.hpp"
#include "stages/assign/slice_schedule.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

/// That there is a run to replay, with as many steps. Whoever asks for more than there are to
/// repeat is told; what a file says that was made for another run is no wish.
void check_replay(const GivenOptions& given, const RunConfig& config) {
  if (config.replay.empty()) return;
  if (!fs::exists(fs::path(config.replay) / kConfigFile)) {
    throw InputError(fmt::format(
        "--replay {}: no run is recorded there; valid: the --train-dir of a run", config.replay));
  }
  const auto recorded = Journal::last_step(fs::path(config.replay) / kRoundsFile);
  const bool is_given = std::ranges::any_of(given.settings, [](const Setting& setting) {
    return canonical_name(setting.name) == canonical_name("max-steps");
  });
  if (!recorded || !is_given || config.max_steps <= *recorded) return;
  throw UsageError(fmt::format("--max-steps is {}, but {} has {} steps to replay; valid: 1 to {}",
                               config.max_steps, config.replay, *recorded, *recorded));
}

/// Whether the run goes on from a checkpoint: then nobody asks what it once started from.
bool has_checkpoint(const RunConfig& config) {
  if (config.resume == "auto") return !list_checkpoints(config.train_dir).empty();
  return config.resume != "none" || config.checkpoint_step;
}

/// That the run does not begin with what no step can mend, as a network's own file may have it.
void check_finite(const TrainSetup& setup) {
  const std::span<const float> all = setup.initial.parameters;
  for (const TensorInfo& info : setup.layout.parameters) {
    if (all_finite(all.subspan(info.offset, info.size))) continue;
    throw InputError(
        fmt::format("--network {}: parameter {} is not finite; no run can begin with that",
                    setup.config.network, printable(info.name)));
  }
}

/// That integers are the network's own, as they are where gradients are computed.
void check_integers(const TrainSetup& setup, std::span<const std::int64_t> own) {
  for (const TensorInfo& info : setup.layout.counters) {
    const auto here = std::span(setup.initial.counters).subspan(info.offset, info.size);
    if (counts_batches(info.name) ||
        std::ranges::equal(here, own.subspan(info.offset, info.size))) {
      continue;
    }
    throw InputError(fmt::format("{}: tensor '{}' is not what the network has, and never changes",
                                 setup.config.pretrained, printable(info.name)));
  }
}

/// The weights to begin with, and the momentum where it is asked for.
void start_from_pretrained(TrainSetup& setup) {
  const RunConfig& config = setup.config;
  const std::vector<std::int64_t> own = setup.initial.counters;
  try {
    if (config.pretrained_momentum) {
      Checkpoint checkpoint = load_checkpoint(config.pretrained, setup.layout);
      if (!all_finite(checkpoint.model.parameters) || !all_finite(checkpoint.state.momentum)) {
        throw InputError(
            fmt::format("{} holds numbers that are not finite; valid: a checkpoint of "
                        "an earlier step",
                        config.pretrained));
      }
      setup.initial = std::move(checkpoint.model);
      setup.initial_momentum = std::move(checkpoint.state.momentum);
      check_integers(setup, own);
      return;
    }
    Pretrained read = load_pretrained(config.pretrained, setup.layout, setup.initial,
                                      config.pretrained_head == LastLayer::kFresh);
    for (const std::string& note : read.notes) {
      log_line(fmt::format("--pretrained {}: {}", config.pretrained, note));
    }
    setup.initial = std::move(read.model);
    check_integers(setup, own);
  } catch (const InputError& error) {
    throw InputError(fmt::format("--pretrained {}", error.what()));
  }
}

/// The least that a worker computes in a step, tried before a run begins: batch norm takes no
/// single value a channel, and a module of the user's own may take fewer sizes still.
void try_smallest_slice(const TrainSetup& setup, Learner& learner) {
  const std::size_t samples = std::max<std::size_t>(1, setup.samples_per_step / setup.plan.k);
  if (samples > 1 && setup.layout.source.empty()) return;
  const std::vector<float> images(samples * setup.data->shape().values());
  const std::vector<std::int64_t> labels(samples);
  std::vector<float> gradient(setup.layout.parameter_count());
  std::vector<float> statistics(setup.layout.statistic_count());
  try {
    learner.gradient(setup.initial.parameters, setup.initial.statistics, {images, labels}, gradient,
                     statistics);
  } catch (const InputError& error) {
    throw UsageError(
        fmt::format("--network {} cannot be trained on a slice of {} sample{} (--batch-size): {}",
                    setup.config.network, samples, samples == 1 ? "" : "s", error.what()));
  }
}

/// Has a rule of the user's own reduce the same rows twice, as many and as long as those of a step.
void try_own_rule(const TrainSetup& setup) {
  const Hierarchy::Options& defence = setup.plan.hierarchy;
  const RuleInfo& rule =
      defence.outer_rule->file.empty() ? *defence.inner_rule : *defence.outer_rule;
  if (rule.file.empty()) return;
  const std::size_t n = setup.plan.num_aggregate, d = setup.layout.parameter_count();
  std::vector<float> values(d + n - 1), once(d), again(d);
  RandomStream(derive_key(setup.keys.probe, "own rule")).fill_normal(values);
  std::vector<const float*> rows(n);
  for (std::size_t i = 0; i < n; ++i) rows[i] = values.data() + i;  // each begins one value later
  ThreadPool pool(1);
  const Hierarchy hierarchy(defence);
  for (std::vector<float>* out : {&once, &again}) {
    Workspace workspace;
    AggregationContext context{pool, workspace, 1};
    hierarchy.aggregate({rows, d}, setup.keys.server.buckets, *out, context);
  }
  check_repeats(rule, once, again);
}

/// Has an attack of the user's own answer the same question twice, of a step's size. Where workers
/// are behind a transport they load it, and the server does not.
void try_own_attack(const TrainSetup& setup) {
  const AttackPlan& plan = setup.plan.attack;
  const AttackInfo& info = attack_named(plan.attack);
  if (info.file.empty() || plan.byzantine == 0) return;
  const std::size_t k = setup.plan.k;
  const std::size_t d =
      setup.layout.parameter_count() + (plan.statistics ? setup.layout.statistic_count() : 0);
  std::vector<float> values(d + k - 1), once(d), again(d);
  RandomStream(derive_key(setup.keys.probe, "own attack")).fill_normal(values);
  std::vector<const float*> rows(k);
  for (std::size_t i = 0; i < k; ++i) rows[i] = values.data() + i;  // each begins one value later
  AttackInput input;
  input.step = 1;
  input.slices = k;
  input.own = {rows[0], d};
  input.honest = {rows, d};
  input.rows = plan.rule_rows;
  input.corrupted = 1;
  ThreadPool pool(1);
  for (std::vector<float>* out : {&once, &again})
    info.make(plan.options)->corrupt(input, *out, pool);
  check_repeats(info, once, again);
}

/// All that follows from the plan, the data and the network.
void finish_plan(TrainSetup& setup) {
  if (setup.data->is_synthetic()) {
    setup.plan.notices.push_back(setup.data->name() + ": every image was generated");
  }
  if (setup.samples_per_step > setup.data->size()) {
    throw UsageError(
        fmt::format("one step takes {} samples, {} has {}: lower --batch-size or --global-batch",
                    setup.samples_per_step, setup.data->name(), setup.data->size()));
  }
  const SliceSchedule schedule(setup.data->size(), setup.plan.k, setup.samples_per_step,
                               setup.keys.data);
  setup.last_step = setup.horizon = total_steps(setup.config, schedule.steps_per_epoch());
  // Only a cosine depends on where the run ends; elsewhere a run may be prolonged.
  const std::uint64_t horizon = setup.config.lr_schedule == LrShape::kCosine ? setup.horizon : 0;
  // An image folder, a module or a rule is what it holds, not where it lies.
  RunConfig digested = setup.config;
  if (!setup.data_is_registered) digested.dataset = "image folder";
  if (!setup.layout.source.empty()) digested.network = "TorchScript " + setup.layout.source;
  digested.mode = identity_of(*setup.plan.hierarchy.outer_rule);
  digested.inner_mode = identity_of(*setup.plan.hierarchy.inner_rule);
  digested.err_mode = identity_of(attack_named(digested.err_mode));
  setup.config_digest = config_digest(
      digested, fmt::format("data {}\nplacement {}\nhorizon {}\n{}", setup.data->digest(),
                            setup.keys.placement_fingerprint, horizon,
                            setup.plan.arbitrated ? fmt::format("copies {}\n", setup.plan.r) : ""));
}

}  // namespace

TrainSetup set_up(const StartingConfig& given, const Environment& environment,
                  std::size_t world_workers) {
  kernel_target_name();  // a wrong DETOX_KERNEL_TARGET is refused before anything is written
  TrainSetup setup;
  setup.goes_on = world_workers > 0 && given.recorded_workers;
  setup.config = resolve(given.config, setup.goes_on ? *given.recorded_workers : world_workers);
  setup.config.network = environment.resolve_network(setup.config.network);
  const DatasetChoice dataset = environment.choose_dataset(setup.config.dataset);
  setup.config.dataset = dataset.name;
  setup.data_is_registered = dataset.info != nullptr;
  setup.plan = make_plan(setup.config);
  setup.samples_per_step = samples_per_step(setup.config, setup.plan);

  setup.keys = run_keys(setup.config);
  setup.sign_key = signing_key(setup.config);
  setup.data = environment.load_data(setup.config, Split::kTrain);
  setup.make_learner = [make = environment.make_learner, network = setup.config.network,
                        shape = setup.data->shape(),
                        classes = setup.data->classes()] { return make(network, shape, classes); };
  const auto learner = setup.make_learner();
  setup.layout = learner->layout();
  for (const std::string& notice : setup.layout.notices) setup.plan.notices.push_back(notice);
  setup.initial = learner->initial_state(setup.keys.initial_weights);
  if (!has_checkpoint(setup.config)) {
    if (!setup.config.pretrained.empty()) start_from_pretrained(setup);
    check_finite(setup);
  }
  setup.profile = learner->numerical_profile();
  setup.profiles = {setup.profile};
  if (setup.sign_key) {
    setup.plan.notices.push_back(
        fmt::format("commitments are signed by key {}", setup.sign_key->fingerprint()));
  }
  finish_plan(setup);
  try_own_rule(setup);
  if (world_workers == 0) try_own_attack(setup);
  try_smallest_slice(setup, *learner);
  return setup;
}

void plan_for(TrainSetup& setup, std::size_t admitted_workers) {
  setup.config.workers = admitted_workers;
  try {
    setup.plan = make_plan(setup.config);
    setup.samples_per_step = samples_per_step(setup.config, setup.plan);
    finish_plan(setup);
  } catch (const UsageError& error) {
    throw InputError(fmt::format("the workers that are left are too few: {}", error.what()));
  }
}

void check_names(const GivenOptions& given, const Environment& environment) {
  Mistakes mistakes;
  mistakes.in([&given] { given_config(given); });
  RunConfig config;
  // What is wrong with other options is known by now.
  const auto last = [&](std::string_view name) {
    for (const Setting& setting : given.settings) {
      if (setting.name == name) mistakes.in([&] { apply_setting(setting, config); });
    }
  };
  last("network");
  last("dataset");
  mistakes.in([&] { environment.resolve_network(std::string(network_here(config.network))); });
  mistakes.in([&] { environment.choose_dataset(config.dataset); });
  mistakes.refuse();
}

StartingConfig starting_config(const GivenOptions& given) {
  RunConfig config = given_config(given);
  if (config.resume != "none" && config.checkpoint_step) {
    throw UsageError("--resume and --checkpoint-step name two checkpoints; give one of them");
  }
  const bool resumes = config.resume != "none" || config.checkpoint_step;
  if (config.overwrite && resumes) {
    throw UsageError(
        "--overwrite begins anew, and --resume and --checkpoint-step go on; give one of them");
  }
  if (config.pretrained_momentum && config.pretrained.empty() && !resumes) {
    throw UsageError(
        fmt::format("--pretrained-momentum needs --pretrained, the {} of a run", kAnyModelFile));
  }
  fs::path from = config.train_dir;
  if (config.resume != "none" && config.resume != "auto") {
    from = fs::path(config.resume).parent_path();
    if (!fs::exists(config.resume)) {
      throw InputError(fmt::format("--resume {}: no such file; valid: a {} file, or auto",
                                   config.resume, kAnyModelFile));
    }
    if (!given.has("train-dir")) config.train_dir = from.empty() ? "." : from.string();
  }
  if (resumes && config.resume != "auto" && given.has("pretrained")) {
    throw UsageError(
        "--pretrained is what a new run starts from, and a resumed run has its own weights; give "
        "one "
        "of the two");
  }
  check_replay(given, config);
  if (!config.replay.empty() && !(resumes && fs::exists(from / kConfigFile)))
    from = config.replay;
  else if (!resumes || !fs::exists(from / kConfigFile))
    return {std::move(config), std::nullopt};
  const std::string train_dir = config.train_dir;
  config = given_config_over(given, from / kConfigFile);
  config.train_dir = train_dir;
  check_replay(given, config);
  std::optional<std::size_t> recorded_workers = recorded_config(from / kConfigFile).workers;
  if (config.workers && config.workers != recorded_workers) recorded_workers.reset();
  return {std::move(config), recorded_workers};
}

}  // namespace detox
