// Whole runs of the toy network, over either fleet, as users start them: through detox::Session.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "comm/inproc/inproc_network.hpp"
#include "comm/simulated/simulated_network.hpp"
#include "config/options.hpp"
#include "config/plan.hpp"
#include "engine/keys.hpp"
#include "engine/probe_gradient.hpp"
#include "engine/remote_fleet.hpp"
#include "engine/worker_round.hpp"
#include "record/checkpoint_files.hpp"
#include "run/session.hpp"
#include "run/verify.hpp"
#include "stages/assign/placement.hpp"
#include "support/toy.hpp"

namespace detox {

using Options = std::map<std::string, std::string>;

inline Options with(Options options, const Options& more) {
  for (const auto& [name, value] : more) options[name] = value;
  return options;
}

/// One run of the toy network. Fields may be changed between construction and start().
class ToyRun : RunObserver {
 public:
  /// `options` as on the command line, without the dashes.
  ToyRun(const std::filesystem::path& directory, const Options& options) : directory_(directory) {
    for (const auto& [name, value] : options) set_option(find_option(name), value, config_);
    config_.train_dir = directory.string();
    plan_ = make_plan(resolve(config_, 0));
  }

  const Plan& plan() const { return plan_; }
  std::size_t threads = 1;
  bool resume = false;
  std::atomic<bool> stop{false};
  std::function<void(std::uint64_t)> after_step;  ///< called with each step that was taken
  std::uint64_t stop_after = 0;  ///< ask to stop once this step is recorded; 0: never
  std::size_t stop_after_rounds =
      0;  ///< once so many steps are, also such as are taken again; 0: never
  double step_timeout_s = 60;
  double start_timeout_s = 0;   ///< of admission and of the first step, where it is more
  double server_timeout_s = 0;  ///< the workers' patience, where it is another than a user's
  std::function<std::unique_ptr<Fleet>(Fleet&)> wrap;  ///< what stands before the run's own fleet
  std::size_t chunk_bytes = kToyChunkBytes;            ///< over a network
  SimulatedWorld world;                                ///< over_network()'s
  std::vector<std::string> hosts;                      ///< that workers say, the first one's first
  double seconds = 0;                                  ///< that the server took there
  std::vector<int> admitted;                           ///< the ranks that took part

  /// Server and workers in this thread and a pool.
  RunEnd over_local_engine() {
    const Environment environment = toy_environment();
    return Session({given(), {}}, environment, *this).train_locally();
  }

  /// Takes the part of an honest worker, where it answers true. It waits for nothing but frames, or
  /// by pass() and pass_until(): whoever waits otherwise keeps the turn.
  using StandIn = std::function<bool(int rank, Transport& transport)>;

  /// Server and workers over a simulated network: no wait takes any time, and how fast the machine
  /// is and how busy changes nothing.
  RunEnd over_network(const StandIn& stand_in = {}) {
    const std::size_t size = plan_.workers + 1;
    SimulatedNetwork network(static_cast<int>(size), world);
    network_ = &network;
    std::optional<RunEnd> end;
    std::vector<std::exception_ptr> thrown(size);
    network.run([&](int rank) {
      try {
        if (rank > 0) return work(rank, network.endpoint(rank), stand_in);
        end = as_server(network.endpoint(0), network.tasks_of(0));
        seconds = network.seconds();
      } catch (const std::exception&) {
        thrown[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
    network_ = nullptr;
    for (const std::exception_ptr& one : thrown) {
      if (one) std::rethrow_exception(one);
    }
    if (network.was_cut_off()) throw std::logic_error("the simulated run did not end by itself");
    return *end;
  }

  // In over_network(), in the thread of that rank.
  /// It is busy for so long, whatever comes meanwhile.
  void pass(int rank, double busy_s) { network_->pass(rank, busy_s); }
  /// Until this holds, but not for ever.
  void pass_until(int rank, const std::function<bool()>& holds) {
    constexpr int kMostLooks = 6000;
    constexpr double kLookSeconds = 0.005;
    for (int looks = 0; looks < kMostLooks && !holds(); ++looks) pass(rank, kLookSeconds);
  }

  /// In real time, all threads at once: for what only these show.
  RunEnd over_threads() {
    const int size = static_cast<int>(plan_.workers) + 1;
    InprocNetwork network(size);
    std::vector<std::jthread> workers;
    for (int rank = 1; rank < size; ++rank)
      workers.emplace_back([&, rank] { work(rank, network.endpoint(rank), {}); });
    return as_server(network.endpoint(0));
  }

  /// The server's part, over a network whose other ends somebody else sees to.
  RunEnd as_server(Transport& transport,
                   const BackgroundTasksMaker& make_tasks = background_threads) {
    RunEnd end{};
    serve_and_stop_workers(transport, [&] {
      Environment environment = toy_environment();
      environment.make_tasks = make_tasks;
      Session session({given(), {}}, environment, *this, plan_.workers);
      end = session.serve(transport);
      return 0;
    });
    return end;
  }

  /// As `detoxml verify` looks at the run that this directory holds.
  Verified verify(VerifyOptions options) {
    options.run = directory_;
    options.threads = threads;
    const Environment environment = toy_environment();
    RunObserver nobody;
    const Session session(config_to_verify(directory_), environment, nobody);
    return verify_run(session, options);
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
    return Adversary(plan_.attack, run_keys(config_).attack).byzantine(step, assignment);
  }
  /// Where nobody is away.
  Assignment assignment(std::uint64_t step) const {
    const Key key = run_keys(config_).server.placement;
    if (plan_.arbitrated) return plan_.deal(key, step, std::vector<bool>(plan_.workers), 0);
    return plan_.assign(run_keys(config_).server.placement, step);
  }
  std::uint64_t rejected_frames = 0;
  std::string rejected_text;
  static constexpr std::size_t kSamples = 600;
  static constexpr std::size_t kToyChunkBytes = 24;  ///< an answer has four, the weights three
  static WorkerKit toy_kit() {
    return {.data = std::make_unique<ToyData>(kSamples),
            .learner = std::make_unique<ToyLearner>(),
            .profile = "toy profile",
            .host = "",
            .processor = ""};
  }
  /// What an honest worker of the toy network says when it is ready.
  static FrameBytes ready(const WorkerWelcome& welcome) {
    ToyLearner learner;
    WorkerFacts facts{.profile = "toy profile",
                      .layout_digest = layout_digest(learner.layout()),
                      .data_digest = "toy",
                      .probe_digest = "",
                      .host = "",
                      .processor = ""};
    facts.probe_digest =
        probe_digest(learner, {1, 2, 2}, 3, welcome.probe_samples, welcome.probe_key);
    return make_ready(to_json(facts));
  }

 private:
  void work(int rank, Transport& transport, const StandIn& stand_in) const {
    if (stand_in && stand_in(rank, transport)) return;
    serve_as_worker(transport, 30, [&](const WorkerWelcome&) {
      WorkerKit kit = toy_kit();
      if (!hosts.empty()) kit.host = hosts.at(static_cast<std::size_t>(rank - 1));
      return kit;
    });
  }

  void on_step(const StepReport& report) override {
    if (report.step == stop_after || ++rounds_ == stop_after_rounds) stop = true;
    if (after_step) after_step(report.step);
  }
  void on_admitted(const TrainSetup& setup, const std::vector<int>& ranks) override {
    admitted = ranks;
    plan_ = setup.plan;
  }
  void on_workers_end(const RemoteFleet& fleet) override {
    rejected_frames = fleet.rejected_frames();
    rejected_text = fleet.rejected_text();
  }

  RunConfig given() const {
    RunConfig config = config_;
    config.threads = threads;
    config.step_timeout = step_timeout_s;
    config.start_timeout = std::max({step_timeout_s, start_timeout_s, kStartSeconds});
    if (resume) config.resume = "auto";
    return config;
  }

  Environment toy_environment() {
    return {
        .load_data = [](const RunConfig&, Split) -> std::unique_ptr<Dataset> {
          return std::make_unique<ToyData>(kSamples);
        },
        .resolve_network = [](std::string_view name) { return std::string(name); },
        .choose_dataset = choose_toy_data,
        .make_learner = [](std::string_view, ImageShape, std::size_t) -> std::unique_ptr<Learner> {
          return std::make_unique<ToyLearner>();
        },
        .stop = stop,
        .around_fleet = wrap,
        .chunk_bytes = chunk_bytes,
        .server_timeout_s = server_timeout_s};
  }

  std::size_t rounds_ = 0;
  static constexpr double kStartSeconds = 3;

  std::filesystem::path directory_;
  RunConfig config_;
  Plan plan_;
  SimulatedNetwork* network_ = nullptr;
};

}  // namespace detox
