#include "run/session.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/cores.hpp"
#include "detox/errors.hpp"
#include "engine/local_fleet.hpp"
#include "engine/server_replica.hpp"
#include "run/admission.hpp"
#include "run/replay_start.hpp"
#include "stages/compress/codec.hpp"

namespace detox {
namespace {

std::size_t thread_count(const RunConfig& config) {
  return config.threads > 0 ? config.threads : usable_cores();
}

std::string_view codec_of(const Plan& plan) { return codec_for(plan.sign_codec).name; }

Evictions::Terms eviction_terms(const TrainSetup& setup) {
  const Plan& plan = setup.plan;
  if (!plan.arbitrated) return {};
  return {plan.workers, plan.arbitrated->evict_after, plan.q, setup.hosts};
}

TrainingOptions training_options(const TrainSetup& setup, const Start& start) {
  const RunConfig& config = setup.config;
  return {
      .last_step = setup.last_step,
      .checkpoint_every = config.eval_freq,
      .keep_checkpoints = config.keep_checkpoints,
      // What is replayed goes on as the record does.
      .max_skipped = setup.replay ? std::numeric_limits<std::uint64_t>::max() : config.max_skipped,
      .step_timeout_s = config.step_timeout,
      .start_timeout_s = config.start_timeout,
      .log_interval = config.log_interval,
      .config_digest = setup.config_digest,
      .profile = setup.profile,
      .stops_on_divergence = config.on_divergence == OnDivergence::kStop,
      .commits = config.commit != Commit::kOff,
      .sign_key = setup.sign_key ? &*setup.sign_key : nullptr,
      .evictions = eviction_terms(setup),
      .readmitted = setup.plan.readmitted,
      .convicted_on = start.convicted_on,
      .heals = setup.plan.arbitrated && setup.plan.arbitrated->heals,
      .replay = setup.replay ? &*setup.replay : nullptr};
}

bool was_asked(const StepReport& report, const SliceOrder& copy) {
  return std::ranges::binary_search(report.asked[copy.slice], copy.worker);
}

/// Told however the run ends.
class WorkersEnd {
 public:
  WorkersEnd(RunObserver& observer, const RemoteFleet& fleet)
      : observer_(observer), fleet_(fleet) {}
  ~WorkersEnd() { observer_.on_workers_end(fleet_); }
  WorkersEnd(const WorkersEnd&) = delete;
  WorkersEnd& operator=(const WorkersEnd&) = delete;

 private:
  RunObserver& observer_;
  const RemoteFleet& fleet_;
};

}  // namespace

Session::Session(const StartingConfig& given, const Environment& environment, RunObserver& observer,
                 std::size_t world_workers)
    : environment_(environment),
      observer_(observer),
      setup_(set_up(given, environment, world_workers)) {
  open_replay(setup_);
  observer_.on_set_up(setup_);
}

/// For the plan as it is when it is known who takes part.
void Session::make_parts() {
  pool_ = std::make_unique<ThreadPool>(thread_count(setup_.config));
  format_.emplace(codec_of(setup_.plan), setup_.layout.parameter_count(),
                  setup_.layout.statistic_count());
  adversary_.emplace(setup_.plan.attack, setup_.keys.attack);
}

RunEnd Session::train_locally() {
  make_parts();
  // Where a record says who answered, no straggler is late.
  const double step_timeout_s =
      setup_.replay ? std::numeric_limits<double>::infinity() : setup_.config.step_timeout;
  LocalFleet fleet({.data = *setup_.data,
                    .format = *format_,
                    .adversary = *adversary_,
                    .pool = *pool_,
                    .data_key = setup_.keys.data,
                    .samples_per_step = setup_.samples_per_step,
                    .slices = setup_.plan.k,
                    .every_replica = setup_.config.compute_every_replica,
                    .step_timeout_s = step_timeout_s},
                   setup_.make_learner);
  // Only now: a start that fails leaves no directory that the next attempt stumbles over.
  const RunEnd end = conduct(fleet, open_start(setup_));
  if (end == RunEnd::kFinished && setup_.replay) compare_with_replayed(setup_);
  return end;
}

WorkerSettings Session::worker_settings(const std::vector<int>& ranks) const {
  WorkerSettings settings;
  settings.ranks = ranks;
  settings.codec = codec_of(setup_.plan);
  settings.slices = setup_.plan.k;
  settings.seats = setup_.plan.most_orders();
  settings.samples_per_step = setup_.samples_per_step;
  settings.data_key = setup_.keys.data;
  settings.attack_key = setup_.keys.attack;
  settings.attack = setup_.plan.attack;
  settings.by_digest = setup_.plan.votes_by_digest;
  settings.chunk_bytes = environment_.chunk_bytes;
  settings.compression = setup_.config.compress_grad;
  return settings;
}

RunEnd Session::serve(Transport& transport, const std::function<void()>& afterwards) {
  WorkerWelcome welcome = welcome_for(setup_);
  if (environment_.server_timeout_s > 0) welcome.server_timeout_s = environment_.server_timeout_s;
  const std::vector<int> ranks = admit(setup_, welcome, transport, environment_.stop);
  observer_.on_admitted(setup_, ranks);
  make_parts();
  const std::size_t weights = setup_.layout.parameter_count() + setup_.layout.statistic_count();
  std::optional<ServerReplica> replica;
  if (setup_.plan.arbitrated && setup_.plan.arbitrated->by_server) {
    replica.emplace(ServerReplica::Parts{.data = *setup_.data,
                                         .format = *format_,
                                         .codec = codec_of(setup_.plan),
                                         .data_key = setup_.keys.data,
                                         .samples_per_step = setup_.samples_per_step,
                                         .slices = setup_.plan.k},
                    setup_.make_learner());
  }
  RemoteFleet fleet({.transport = transport,
                     .ranks = ranks,
                     .pool = *pool_,
                     .weights = {weights * sizeof(float), environment_.chunk_bytes},
                     .answer = {format_->layout().size(), environment_.chunk_bytes},
                     .slices = setup_.plan.k,
                     .by_digest = setup_.plan.votes_by_digest,
                     .relays = setup_.config.comm_type == CommType::kBcast,
                     .send_assignment = adversary_->active(),
                     .stop = environment_.stop,
                     .compression = setup_.config.compress_grad,
                     .q = setup_.plan.q,
                     .f_eff = setup_.plan.f_eff,
                     .make_tasks = environment_.make_tasks,
                     .lists = setup_.plan.seating().lists(),
                     .asks_others = setup_.plan.is_lazy || setup_.plan.arbitrated,
                     .gives_away = setup_.plan.arbitrated.has_value(),
                     .replica = replica ? &*replica : nullptr});
  // Only now: a start that fails leaves no directory that the next attempt stumbles over.
  Start start = open_start(setup_);
  // Of several that compute the same bits, a run that goes on keeps its own.
  const std::string& recorded = start.checkpoint.state.profile;
  if (std::ranges::find(setup_.profiles, recorded) != setup_.profiles.end())
    setup_.profile = recorded;
  fleet.start(worker_settings(ranks), welcome.server_timeout_s);
  const WorkersEnd told(observer_, fleet);
  const RunEnd end = conduct(fleet, std::move(start));
  // Workers that were told to stop would wait for this process at MPI's end, but not for long.
  if (end == RunEnd::kFinished && afterwards) fleet.keep_waiting_while(afterwards);
  return end;
}

/// Who lies in a step: the drawn workers, but for those who are absent in it, who are not asked, or
/// whose fault does not show.
SimulatedTruth Session::truth() const {
  if (!adversary_->active()) return {};
  return [this](const StepReport& report) {
    const std::uint64_t step = report.step;
    std::vector<bool> away(report.assignment.workers());
    for (const Absence& absence : setup_.plan.absences) {
      if (step >= absence.from && step <= absence.to) away[absence.worker] = true;
    }
    StepLies lies = adversary_->lies(step, report.assignment, away);
    // A replay asks those alone who counted; the lies are those of then.
    const bool deals = setup_.plan.arbitrated.has_value();
    const bool asks_some = (setup_.plan.is_lazy || deals) && !setup_.replay;
    std::set<std::uint32_t> attackers, silent;
    for (std::uint32_t slice = 0; slice < lies.liars.size(); ++slice) {
      for (const std::uint32_t worker :
           deals ? report.asked[slice] : report.assignment.workers_of_slice[slice]) {
        const SliceOrder copy{worker, slice};
        if (asks_some && !was_asked(report, copy)) continue;
        if (lies.tells(copy)) attackers.insert(worker);
        if (lies.is_silent(worker)) silent.insert(worker);
      }
    }
    if (deals) {
      lies.owned.clear();
      for (const std::uint32_t slice : report.used) {
        if (lies.tells({report.counted[slice].front(), slice})) lies.owned.push_back(slice);
      }
    }
    return SimulatedLies{.attackers = {attackers.begin(), attackers.end()},
                         .silent = {silent.begin(), silent.end()},
                         .owned = lies.owned};
  };
}

ServerRound::Parts Session::round_parts(const AnswerFormat& format, Fleet& fleet, ThreadPool& pool,
                                        const Replay* replay) const {
  return {.plan = setup_.plan,
          .format = format,
          .layout = setup_.layout,
          .keys = setup_.keys.server,
          .sgd = sgd_options(setup_.config),
          .lr = lr_schedule(setup_.config, setup_.horizon),
          .samples_per_step = setup_.samples_per_step,
          .fleet = fleet,
          .pool = pool,
          .replay = replay};
}

void Session::retake(Checkpoint from, std::uint64_t last, const Replay& replay, std::size_t threads,
                     const Retaken& begins, const StepRetaken& on_step) const {
  ThreadPool pool(threads);
  const AnswerFormat format(codec_of(setup_.plan), setup_.layout.parameter_count(),
                            setup_.layout.statistic_count());
  const Adversary nobody(AttackPlan{}, setup_.keys.attack);
  std::unique_lock lock(learners_);
  LocalFleet fleet({.data = *setup_.data,
                    .format = format,
                    .adversary = nobody,
                    .pool = pool,
                    .data_key = setup_.keys.data,
                    .samples_per_step = setup_.samples_per_step,
                    .slices = setup_.plan.k,
                    .every_replica = false},
                   setup_.make_learner);
  lock.unlock();
  ServerRound::Parts parts = round_parts(format, fleet, pool, &replay);
  parts.commit = Commit::kAll;
  ServerRound round(parts);
  TrainingState& state = from.state;
  state.momentum.resize(setup_.layout.parameter_count());
  const ServerRound::State values{from.model, state.momentum, state.last_aggregate};
  if (!begins(round.commit(state.step, values))) return;
  while (state.step < last) {
    if (environment_.stop) throw InterruptedError("interrupted");
    const StepReport report = round.run(state.step + 1, {}, values);
    ++state.step;
    if (!on_step(report, from)) return;
  }
}

/// The server's part, the same for every fleet.
RunEnd Session::conduct(Fleet& fleet, Start start) {
  const std::unique_ptr<Fleet> around =
      environment_.around_fleet ? environment_.around_fleet(fleet) : nullptr;
  ServerRound::Parts parts = round_parts(*format_, around ? *around : fleet, *pool_,
                                         setup_.replay ? &*setup_.replay : nullptr);
  parts.commit = setup_.config.commit;
  parts.voted_chunk_bytes = setup_.plan.votes_by_digest ? environment_.chunk_bytes : 0;
  ServerRound round(parts);
  Training training(training_options(setup_, start), round, setup_.layout,
                    std::move(start.checkpoint), start.directory, truth());
  const auto tell_end = [&] { observer_.on_steps_end(setup_, training, *adversary_, fleet); };
  RunEnd end = RunEnd::kInterrupted;
  try {
    end = training.run(environment_.stop,
                       [this](const StepReport& report) { observer_.on_step(report); });
  } catch (const std::exception&) {
    tell_end();  // most of all where the run could not be defended
    throw;
  }
  tell_end();
  observer_.on_end(setup_, end);
  model_ = training.model();
  return end;
}

}  // namespace detox
