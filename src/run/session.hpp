// A run from its configuration and its environment: set up once, then trained over the local engine
// or by workers behind a transport.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "comm/transport.hpp"
#include "detox/thread_pool.hpp"
#include "engine/adversary.hpp"
#include "engine/remote_fleet.hpp"
#include "round/training.hpp"
#include "run/environment.hpp"
#include "run/setup.hpp"
#include "run/start.hpp"

namespace detox {

/// Receives the events of a run. The base class ignores them.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  /// Before anything is trained or written.
  virtual void on_set_up(const TrainSetup&) {}
  /// The workers behind a transport that take part; the setup is theirs now.
  virtual void on_admitted(const TrainSetup&, const std::vector<int>& /*ranks*/) {}
  virtual void on_step(const StepReport&) {}
  /// After the last step, whether the run finished, was stopped, or failed.
  virtual void on_steps_end(const TrainSetup&, const Training&, const Adversary&, const Fleet&) {}
  /// After on_steps_end(), unless the run failed.
  virtual void on_end(const TrainSetup&, RunEnd) {}
  /// For workers behind a transport, however the run ends.
  virtual void on_workers_end(const RemoteFleet&) {}
};

/// One run. Environment and observer outlive it. For one thread.
class Session {
 public:
  /// Sets the run up. `world_workers`: the workers behind a transport; 0: the local engine's.
  /// UsageError and InputError before anything is trained or, without --resume, written.
  Session(const StartingConfig& given, const Environment& environment, RunObserver& observer,
          std::size_t world_workers = 0);

  /// Trains with all workers in this process. What open_start() and Training::run() throw.
  RunEnd train_locally();

  /// Trains as the server of the transport's workers: admits them first, and does not stop them at
  /// the end (serve_and_stop_workers does). Calls `afterwards` once the run has finished, while the
  /// workers wait. What admit(), open_start() and Training::run() throw.
  RunEnd serve(Transport& transport, const std::function<void()>& afterwards = {});

  /// Of steps that are taken again: what they begin at, unless it answers false, and each, until it
  /// answers false, with the state behind it.
  using Retaken = std::function<bool(const Commitment& begin)>;
  using StepRetaken = std::function<bool(const StepReport& report, const Checkpoint& now)>;

  /// Takes the steps behind `from` up to `last` again, by honest workers in this process, with
  /// those who counted by the record; reports have all commitments. Writes nothing. From many
  /// threads at the same time. InputError where the record is of another computation;
  /// InterruptedError.
  void retake(Checkpoint from, std::uint64_t last, const Replay& replay, std::size_t threads,
              const Retaken& begins, const StepRetaken& on_step) const;

  const TrainSetup& setup() const { return setup_; }
  ThreadPool& pool() { return *pool_; }
  /// After the steps.
  const ModelState& model() const { return model_; }

 private:
  void make_parts();
  ServerRound::Parts round_parts(const AnswerFormat& format, Fleet& fleet, ThreadPool& pool,
                                 const Replay* replay) const;
  RunEnd conduct(Fleet& fleet, Start start);
  SimulatedTruth truth() const;
  WorkerSettings worker_settings(const std::vector<int>& ranks) const;

  const Environment& environment_;
  RunObserver& observer_;
  TrainSetup setup_;
  std::unique_ptr<ThreadPool> pool_;
  std::optional<AnswerFormat> format_;
  std::optional<Adversary> adversary_;
  ModelState model_;
  mutable std::mutex learners_;  ///< they are made by one thread at a time
};

}  // namespace detox
