// Whole runs of the toy network, over either fleet.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "comm/inproc/inproc_network.hpp"
#include "config/options.hpp"
#include "config/plan.hpp"
#include "engine/admission.hpp"
#include "engine/local_fleet.hpp"
#include "engine/probe_gradient.hpp"
#include "engine/remote_fleet.hpp"
#include "engine/worker_round.hpp"
#include "record/checkpoint_files.hpp"
#include "round/training.hpp"
#include "stages/assign/placement.hpp"
#include "support/toy.hpp"

namespace detox {

using Options = std::map<std::string, std::string>;

inline Options with(Options options, const Options& more) {
  for (const auto& [name, value] : more) options[name] = value;
  return options;
}

/// One run of the toy network. Fields may be changed between construction and start().
class ToyRun {
 public:
  /// `options` as on the command line, without the dashes.
  ToyRun(const std::filesystem::path& directory, const std::map<std::string, std::string>& options)
      : directory_(directory) {
    for (const auto& [name, value] : options) set_option(find_option(name), value, config_);
    config_ = resolve(config_, 0);
    plan_ = make_plan(config_);
  }

  const Plan& plan() const { return plan_; }
  std::size_t threads = 1;
  bool resume = false;
  std::atomic<bool> stop{false};
  std::function<void(std::uint64_t)> after_step;  ///< called with each step that was taken
  std::uint64_t stop_after = 0;  ///< ask to stop once this step is recorded; 0: never
  double step_timeout_s = 60, start_timeout_s = 30;
  std::function<std::unique_ptr<Fleet>(Fleet&)> wrap;  ///< what stands before the local engine's
  double first_step_timeout_s = 0;                     ///< where it is more than the others'
  double server_timeout_s = 30;                        ///< the workers' patience
  std::vector<int> admitted;                           ///< the ranks that took part

  /// Server and workers in this thread and a pool.
  RunEnd over_local_engine() {
    return with_parts([&](Parts& parts) {
      LocalFleet fleet(
          {parts.data, parts.format, parts.adversary, parts.pool, data_key(), parts.per_step,
           plan_.k, config_.compute_every_replica,
           config_.replay.empty() ? step_timeout_s : std::numeric_limits<double>::infinity()},
          toy_learners());
      const std::unique_ptr<Fleet> around = wrap ? wrap(fleet) : nullptr;
      return conduct(parts, around ? *around : fleet);
    });
  }

  /// Every worker a thread with an end of a network of its own. `worker` may put something else in
  /// an honest one's place: it gets the rank and the transport and answers whether it took the
  /// part.
  RunEnd over_network(const std::function<bool(int, Transport&)>& stand_in = {}) {
    const int world = static_cast<int>(plan_.workers) + 1;
    InprocNetwork network(world);
    std::vector<std::thread> workers;
    for (int rank = 1; rank < world; ++rank) {
      workers.emplace_back([&, rank] {
        Transport& transport = network.endpoint(rank);
        if (stand_in && stand_in(rank, transport)) return;
        serve_as_worker(transport, 30, [](const WorkerWelcome&) { return toy_kit(); });
      });
    }
    Transport& transport = network.endpoint(0);
    RunEnd end{};
    const auto serve = [&] {
      admit(transport);
      end = with_parts([&](Parts& parts) {
        RemoteFleet fleet({transport,
                           admitted,
                           parts.pool,
                           {(parts.format.d() + parts.format.s()) * sizeof(float), kToyChunkBytes},
                           {parts.format.layout().size(), kToyChunkBytes},
                           plan_.k,
                           plan_.votes_by_digest,
                           config_.comm_type == "Bcast",
                           parts.adversary.active(),
                           stop,
                           config_.compress_grad,
                           ChunkPace::kLeastPatienceSeconds,
                           plan_.q,
                           plan_.f_eff});
        fleet.start(worker_settings(parts), server_timeout_s);
        const RunEnd fleet_end = conduct(parts, fleet);
        rejected_frames = fleet.rejected_frames();
        rejected_text = fleet.rejected_text();
        return fleet_end;
      });
      return 0;
    };
    try {
      serve_and_stop_workers(transport, serve);
    } catch (...) {
      for (std::thread& worker : workers) worker.join();
      throw;
    }
    for (std::thread& worker : workers) worker.join();
    return end;
  }

  std::string final_model() const {
    return file("model_step_" + std::to_string(config_.max_steps));
  }
  std::string final_state() const {
    return file("state_step_" + std::to_string(config_.max_steps));
  }
  std::vector<nlohmann::json> journal(const std::string& name) const {
    std::ifstream stream(directory_ / name);
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(stream, line);)
      lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
  std::string file(const std::string& name) const {
    std::ifstream stream(directory_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  std::vector<bool> byzantine(std::uint64_t step, const Assignment& assignment) const {
    return Adversary(plan_.attack, attack_key()).byzantine(step, assignment);
  }
  Assignment assignment(std::uint64_t step) const {
    return plan_.random_placement
               ? random_placement(plan_.workers, plan_.k, derive_key(root(), "placement"), step)
               : fixed_placement(plan_.workers, plan_.k);
  }
  std::uint64_t rejected_frames = 0;
  std::string rejected_text;
  static constexpr std::size_t kSamples = 600;
  static constexpr std::size_t kToyChunkBytes = 24;  ///< an answer has four, the weights three
  static WorkerKit toy_kit() {
    return {std::make_unique<ToyData>(kSamples), std::make_unique<ToyLearner>(), "toy profile", "",
            ""};
  }
  /// What an honest worker of the toy network says when it is ready.
  static FrameBytes ready() {
    ToyLearner learner;
    const WorkerWelcome welcome;
    WorkerFacts facts{"toy profile", layout_digest(learner.layout()), "toy", "", "", ""};
    facts.probe_digest =
        probe_digest(learner, {1, 2, 2}, 3, welcome.probe_samples, welcome.probe_key);
    return make_ready(to_json(facts));
  }

 private:
  struct Parts {
    ToyData data{kSamples};
    AnswerFormat format;
    Adversary adversary;
    ThreadPool pool;
    std::size_t per_step;
  };

  Key root() const { return key_from_seed(config_.seed); }
  Key data_key() const { return derive_key(root(), "data"); }
  Key attack_key() const { return derive_key(root(), "attack"); }

  WorkerSettings worker_settings(const Parts& parts) const {
    WorkerSettings settings;
    settings.codec = plan_.sign_codec ? "sign" : "none";
    settings.ranks = admitted;
    settings.slices = plan_.k;
    settings.samples_per_step = parts.per_step;
    settings.data_key = data_key();
    settings.attack_key = attack_key();
    settings.attack = plan_.attack;
    settings.by_digest = plan_.votes_by_digest;
    settings.compression = config_.compress_grad;
    settings.chunk_bytes = kToyChunkBytes;
    return settings;
  }

  /// The plan becomes that of the workers who were admitted.
  void admit(Transport& transport) {
    const AdmissionTerms terms{layout_digest(ToyLearner().layout()), "toy", plan_.q,
                               std::chrono::duration<double>(start_timeout_s)};
    WorkerWelcome welcome;
    welcome.server_timeout_s = server_timeout_s;
    admitted = admit_workers(transport, welcome, terms, stop).ranks;
    if (admitted.size() == plan_.workers) return;
    config_.workers = admitted.size();
    plan_ = make_plan(config_);
  }

  RunEnd with_parts(const std::function<RunEnd(Parts&)>& run) {
    Parts parts{.format = AnswerFormat(plan_.sign_codec ? "sign" : "none", 15, 1),
                .adversary = Adversary(plan_.attack, attack_key()),
                .pool = ThreadPool(threads),
                .per_step = samples_per_step(config_, plan_)};
    return run(parts);
  }

  RunEnd conduct(Parts& parts, Fleet& fleet) {
    const ModelLayout layout = ToyLearner().layout();
    RunDirectory directory =
        resume ? RunDirectory::open_for_resume(directory_) : RunDirectory::create(directory_);
    Checkpoint start;
    start.model = ToyLearner().initial_state(derive_key(root(), "initial weights"));
    if (resume) start = load_checkpoint(*newest_checkpoint(directory_), layout);
    std::optional<Replay> replay;
    if (!config_.replay.empty()) replay.emplace(config_.replay, plan_.workers, plan_.k);
    ServerRound round({plan_,
                       parts.format,
                       layout,
                       {derive_key(root(), "placement"), derive_key(root(), "buckets")},
                       sgd_options(config_),
                       lr_schedule(config_, config_.max_steps),
                       parts.per_step,
                       fleet,
                       parts.pool,
                       replay ? &*replay : nullptr});
    TrainingOptions options;
    options.last_step = config_.max_steps;
    options.checkpoint_every = config_.eval_freq;
    options.max_skipped = config_.max_skipped;
    options.keep_checkpoints = config_.keep_checkpoints;
    options.stops_on_divergence = config_.on_divergence == "stop";
    options.step_timeout_s = step_timeout_s;
    options.start_timeout_s = std::max(step_timeout_s, first_step_timeout_s);
    options.config_digest = config_digest(config_, "");
    options.profile = "toy profile";
    Training training(options, round, layout, std::move(start), directory);
    return training.run(stop, [&](std::uint64_t step, const Assignment& assignment) {
      if (step == stop_after) stop = true;
      if (after_step) after_step(step);
      return corrupted_slices(assignment, parts.adversary.byzantine(step, assignment));
    });
  }

  std::filesystem::path directory_;
  RunConfig config_;
  Plan plan_;
};

}  // namespace detox
