// The real server and the real workers of a job, over a simulated network.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/worker_round.hpp"
#include "support/simulated_job.hpp"

namespace detox {

/// Nothing that is logged is shown as long as it is there.
class QuietLog {
 public:
  QuietLog() : kept_(dup(STDERR_FILENO)) {
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
  }
  ~QuietLog() {
    dup2(kept_, STDERR_FILENO);
    close(kept_);
  }
  QuietLog(const QuietLog&) = delete;
  QuietLog& operator=(const QuietLog&) = delete;

 private:
  int kept_;
};

/// A step as the server lived through it, by the simulation's clock.
struct SimulatedStep {
  std::uint64_t step;
  double limit_s, begin_s, end_s;
  double paused_s;  ///< that the server could do nothing in it
};

/// What a hostile rank did.
struct Deed {
  int rank;
  std::uint64_t step;
  std::string kind;
  double at_s;
};

struct SimulatedOutcome {
  std::optional<RunEnd> end;  ///< nothing where the server threw
  std::string error;          ///< of the server
  int exit_code = 0;          ///< of the server
  std::vector<int> admitted;
  double admitted_s = 0;  ///< when
  std::vector<SimulatedStep> steps;
  std::vector<Deed> deeds;
  double server_end_s = 0;
  std::vector<std::pair<int, int>> shut_out;  ///< by whom, who
  std::vector<std::optional<double>> end_s;   ///< by rank; nothing for the dead
  bool was_cut_off = false;
  std::uint64_t trace = 0;
};

namespace simulated {

/// It computes for as long as the job says.
class TimedLearner final : public ToyLearner {
 public:
  explicit TimedLearner(std::function<void()> pass) : pass_(std::move(pass)) {}
  BatchResult gradient(std::span<const float> parameters, std::span<const float> statistics,
                       const Batch& batch, std::span<float> gradient_out,
                       std::span<float> statistics_out) override {
    pass_();
    return ToyLearner::gradient(parameters, statistics, batch, gradient_out, statistics_out);
  }

 private:
  std::function<void()> pass_;
};

class TimedFleet final : public Fleet {
 public:
  TimedFleet(Fleet& inner, const SimulatedNetwork& network, std::vector<SimulatedStep>& steps)
      : inner_(inner), network_(network), steps_(steps) {}

  FleetReport run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                       StepVotes& votes) override {
    SimulatedStep step{.step = order.step,
                       .limit_s = time_limit.count(),
                       .begin_s = network_.seconds(),
                       .end_s = 0,
                       .paused_s = 0};
    const double paused_s = network_.paused_seconds(0);
    FleetReport report = inner_.run_step(order, time_limit, votes);
    step.end_s = network_.seconds();
    step.paused_s = network_.paused_seconds(0) - paused_s;
    steps_.push_back(step);
    return report;
  }
  std::vector<bool> away(std::uint64_t step) const override { return inner_.away(step); }
  std::string who_was_missing() const override { return inner_.who_was_missing(); }
  const Clock& clock() const override { return inner_.clock(); }

 private:
  Fleet& inner_;
  const SimulatedNetwork& network_;
  std::vector<SimulatedStep>& steps_;
};

inline void serve(const SimulatedJob& job, ToyRun& run, SimulatedNetwork& network,
                  SimulatedOutcome& outcome) {
  run.step_timeout_s = job.step_timeout_s;
  run.start_timeout_s = job.start_timeout_s;
  run.server_timeout_s = job.server_timeout_s;
  run.chunk_bytes = job.chunk_bytes;
  run.threads = 1;
  run.wrap = [&](Fleet& fleet) {
    outcome.admitted_s = network.seconds();
    return std::make_unique<TimedFleet>(fleet, network, outcome.steps);
  };
  try {
    outcome.end = run.as_server(network.endpoint(0), network.tasks_of(0));
  } catch (const Error& error) {
    outcome.error = error.what();
    outcome.exit_code = error.exit_code();
  }
  outcome.admitted = run.admitted;
  outcome.server_end_s = network.seconds();
}

inline void work(const SimulatedJob& job, int rank, SimulatedNetwork& network,
                 SimulatedOutcome& outcome) {
  const auto faults = job.hostile.find(rank);
  FaultyTransport transport(
      network.endpoint(rank), faults == job.hostile.end() ? std::vector<Fault>() : faults->second,
      std::chrono::milliseconds(static_cast<std::int64_t>(1000 * job.hostile_pause_s)),
      [&](std::chrono::duration<double> time) { network.pass(rank, time.count()); });
  transport.tell = [&](const Fault& fault, const FrameView& view) {
    outcome.deeds.push_back({rank, view.step, fault.kind, network.seconds()});
  };
  const auto make_kit = [&](const WorkerWelcome&) {
    WorkerKit kit = ToyRun::toy_kit();
    kit.learner = std::make_unique<TimedLearner>(
        [&] { network.pass(rank, job.compute_s[static_cast<std::size_t>(rank)]); });
    return kit;
  };
  try {
    serve_as_worker(transport, job.start_timeout_s + job.server_timeout_s, make_kit);
  } catch (const Error&) {  // it has given up
  }
  outcome.end_s[static_cast<std::size_t>(rank)] = network.seconds();
}

}  // namespace simulated

/// Runs the job with `directory` as its run's. `tell` gets a line for each event.
inline SimulatedOutcome simulate(const SimulatedJob& job, const std::filesystem::path& directory,
                                 const std::function<void(std::string_view)>& tell = {}) {
  SimulatedOutcome outcome;
  outcome.end_s.resize(job.workers + 1);
  ToyRun run(directory, job.options);
  SimulatedNetwork network(static_cast<int>(job.workers) + 1, job.world);
  for (const auto& [rank, at] : job.deaths) network.kill(rank, at);
  for (const SimulatedJob::Pause& pause : job.pauses)
    network.pause(pause.rank, pause.at, pause.seconds);
  for (int rank = 1; rank <= static_cast<int>(job.workers); ++rank)
    network.slow_link(rank, job.link_times[static_cast<std::size_t>(rank)]);
  if (tell) network.tell_events(tell);
  network.run([&](int rank) {
    if (rank == 0) {
      simulated::serve(job, run, network, outcome);
    } else {
      simulated::work(job, rank, network, outcome);
    }
  });
  for (int by = 0; by <= static_cast<int>(job.workers); ++by) {
    for (int rank = 0; rank <= static_cast<int>(job.workers); ++rank) {
      if (network.endpoint(by).peer(rank).shut_out) outcome.shut_out.emplace_back(by, rank);
    }
  }
  outcome.was_cut_off = network.was_cut_off();
  outcome.trace = network.trace();
  return outcome;
}

}  // namespace detox
