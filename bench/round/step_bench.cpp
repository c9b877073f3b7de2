// What a step of the local engine costs beyond the forward and backward passes that it cannot do
// without: the paper's cluster (P = 45, r = 3, k = 15 slices of 24 images, q = 5, LeNet), one
// process, as many threads as the machine has cores. The bare cost is that of the same k slices in
// plain libtorch, batches in tensors already, over the same threads. First every honest answer of a
// step must hold the bytes of the plain loop's gradient; exit code 1 where one does not.
//
//   step_bench [ROUNDS [DATA_DIR]]       60 rounds; Fashion-MNIST from where detoxml finds it
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "config/options.hpp"
#include "config/plan.hpp"
#include "detox/errors.hpp"
#include "engine/local_fleet.hpp"
#include "learn/plain_network.hpp"
#include "round/server_round.hpp"
#include "run/keys.hpp"
#include "support/altered_votes.hpp"
#include "support/pinned_main.hpp"

namespace detox {
namespace {

/// What the step may cost on top: a tenth of the bare time and 10 ms.
constexpr double kShare = 0.10, kFixedMs = 10;
constexpr std::chrono::seconds kNoLimit(600);

using Options = std::map<std::string, std::string>;

struct Defence {
  const char* name;
  Options options;
};
const std::vector<Defence> kDefences = {
    {"coord-median", {{"mode", "coord-median"}}},
    {"coord-median, b = 5", {{"mode", "coord-median"}, {"buckets", "5"}}},
    {"multi-krum", {{"mode", "multi-krum"}}},
    {"bulyan", {{"mode", "bulyan"}}},
};

double now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Milliseconds of the wall clock and of all cores together.
struct Times {
  std::vector<double> wall, cpu;

  template <class Work>
  void add(Work&& work) {
    const double wall_start = now(CLOCK_MONOTONIC);
    const double cpu_start = now(CLOCK_PROCESS_CPUTIME_ID);
    work();
    wall.push_back(1e3 * (now(CLOCK_MONOTONIC) - wall_start));
    cpu.push_back(1e3 * (now(CLOCK_PROCESS_CPUTIME_ID) - cpu_start));
  }
};

/// Hands everything on, and remembers the step's answers: they lie where they are until the next.
class WatchedFleet final : public Fleet {
 public:
  explicit WatchedFleet(Fleet& fleet) : fleet_(fleet) {}
  FleetReport run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                       StepVotes& votes) override {
    answers.clear();
    AlteredVotes watched(votes, [&](const IncomingAnswer& answer) {
      answers.push_back(answer);
      votes.count(answer);
    });
    return fleet_.run_step(order, time_limit, watched);
  }
  std::vector<IncomingAnswer> answers;

 private:
  Fleet& fleet_;
};

RunConfig configure(const Defence& defence, bool attacked) {
  Options options = {{"approach", "detox"},         {"workers", "45"},
                     {"group-size", "3"},           {"global-batch", "360"},
                     {"assume-fail", "5"},          {"err-mode", "rev_grad"},
                     {"fail-schedule", "per-step"}, {"worker-fail", attacked ? "5" : "0"}};
  options.insert(defence.options.begin(), defence.options.end());
  RunConfig config;
  for (const auto& [name, value] : options) set_option(find_option(name), value, config);
  return resolve(config, 0);
}

/// One slice's samples, read once.
struct SliceBatch {
  std::vector<float> images;
  std::vector<std::int64_t> labels;
};

std::vector<SliceBatch> read_batches(const Dataset& data, SliceSchedule schedule,
                                     std::size_t slices, const Key& data_key) {
  const std::size_t values = data.shape().values();
  std::vector<SliceBatch> batches(slices);
  schedule.begin_step(1);
  for (std::size_t slice = 0; slice < slices; ++slice) {
    for (const std::uint32_t sample : schedule.samples(slice)) {
      auto& [images, labels] = batches[slice];
      images.resize(images.size() + values);
      data.read(sample, 0, derive_key(data_key, "augmentation"), std::span(images).last(values));
      labels.push_back(data.label(sample));
    }
  }
  return batches;
}

/// The local engine as `detoxml train` composes it, and the plain loop beside it.
class Contest {
 public:
  Contest(const Dataset& data, const RunConfig& config, ThreadPool& pool)
      : config_(config),
        plan_(make_plan(config)),
        learner_(make_learner("LeNet", data.shape(), data.classes())),
        model_(learner_->initial_state(keys_.initial_weights)),
        velocity_(model_.parameters.size()),
        format_("none", model_.parameters.size(), model_.statistics.size()),
        adversary_(plan_.attack, keys_.attack),
        fleet_({data, format_, adversary_, pool, keys_.data, samples_, plan_.k, false},
               [&] { return make_learner("LeNet", data.shape(), data.classes()); }),
        watched_(fleet_),
        round_({plan_, format_, learner_->layout(), keys_.server, sgd_options(config_),
                lr_schedule(config_, 1000), samples_, watched_, pool}),
        pool_(pool) {
    const auto slices = read_batches(
        data, SliceSchedule(data.size(), plan_.k, samples_, keys_.data), plan_.k, keys_.data);
    std::vector<Batch> batches;
    batches.reserve(slices.size());
    for (const SliceBatch& slice : slices) batches.push_back({slice.images, slice.labels});
    for (std::size_t thread = 0; thread < pool.size(); ++thread) {
      plain_.push_back(
          std::make_unique<PlainNetwork>("LeNet", data.shape(), data.classes(), batches));
      plain_.back()->set_weights(model_.parameters);
    }
  }

  /// Takes step 1 and compares what honest workers answered with the plain loop. Answers that were
  /// compared, or 0 where one differs.
  std::size_t verify() {
    const StepReport report = engine_step();
    const auto byzantine = adversary_.byzantine(report.step, report.assignment);
    std::size_t compared = 0;
    for (const IncomingAnswer& answer : watched_.answers) {
      if (adversary_.active() && byzantine[answer.worker]) continue;
      plain_[0]->step(answer.slice);
      if (!plain_[0]->gradient_is({format_.gradient_row(answer.bytes), format_.d()})) return 0;
      ++compared;
    }
    return compared;
  }

  StepReport engine_step() {
    return round_.run(++step_, kNoLimit, {model_, velocity_, last_aggregate_});
  }

  void bare_step() {
    pool_.parallel_for(plan_.k, [&](std::size_t slice, std::size_t thread) {
      losses_[slice] = plain_[thread]->step(slice);
    });
  }

 private:
  RunConfig config_;
  RunKeys keys_ = run_keys(config_);
  Plan plan_;
  std::size_t samples_ = samples_per_step(config_, plan_);
  std::unique_ptr<Learner> learner_;
  ModelState model_;
  std::vector<float> velocity_, last_aggregate_;
  AnswerFormat format_;
  Adversary adversary_;
  LocalFleet fleet_;
  WatchedFleet watched_;
  ServerRound round_;
  ThreadPool& pool_;
  std::vector<std::unique_ptr<PlainNetwork>> plain_;
  std::vector<float> losses_ = std::vector<float>(plan_.k);
  std::uint64_t step_ = 0;
};

/// False where the gradients differ.
bool compare(const Dataset& data, const Defence& defence, bool attacked, ThreadPool& pool,
             int rounds) {
  Contest contest(data, configure(defence, attacked), pool);
  const std::size_t compared = contest.verify();
  if (compared == 0) {
    fmt::print(stderr, "{}: an honest answer is not the plain loop's gradient\n", defence.name);
    return false;
  }
  Times engine, bare;
  std::vector<double> excess, vote, aggregate, update;
  const auto take_engine_step = [&] {
    StepReport report;
    engine.add([&] { report = contest.engine_step(); });
    vote.push_back(1e3 * report.seconds.vote);
    aggregate.push_back(1e3 * report.seconds.aggregate);
    update.push_back(1e3 * report.seconds.update);
  };
  for (int round = -3; round < rounds; ++round) {
    if (round == 0) engine = bare = {}, vote.clear(), aggregate.clear(), update.clear();
    // By turns, so that a neighbour on the machine slows both alike.
    if (round % 2 == 0) take_engine_step();
    bare.add([&] { contest.bare_step(); });
    if (round % 2 != 0) take_engine_step();
  }
  for (std::size_t i = 0; i < engine.wall.size(); ++i)
    excess.push_back(engine.wall[i] - bare.wall[i]);
  const double step_ms = median(engine.wall), bare_ms = median(bare.wall);
  const double limit = kShare * bare_ms + kFixedMs;
  fmt::print(
      "{:19} | {:8} | {:5.1f} | {:5.1f} | {:5.3f} | {:6.1f} ({:4.1f}) | {:5.1f} {:6} | {:5.1f} | "
      "{:5.1f} | {:4.2f} | {:4.2f} | {:5.2f} | {:5.2f} | {:5.2f}\n",
      defence.name, attacked ? "rev_grad" : "none", step_ms, bare_ms, step_ms / bare_ms,
      step_ms - bare_ms, median(excess), limit, step_ms - bare_ms <= limit ? "within" : "ABOVE",
      median(engine.cpu), median(bare.cpu), median(engine.cpu) / step_ms,
      median(bare.cpu) / bare_ms, median(vote), median(aggregate), median(update));
  std::fflush(stdout);
  return true;
}

int run(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 60;
  if (rounds < 1) throw UsageError("usage: step_bench [ROUNDS [DATA_DIR]]");
  const auto data =
      load_dataset(find_dataset("FashionMNIST"), argc > 2 ? argv[2] : "", Split::kTrain);
  ThreadPool pool(std::max(1U, std::thread::hardware_concurrency()));
  fmt::print(
      "{}\nP = 45, r = 3, k = 15 slices of 24 images, q = 5, {} threads; medians of {} rounds in "
      "ms; limit {:.0f} % + {:.0f} ms; in brackets the median of the differences\n"
      "rule                | attack   |  step |  bare | ratio | excess        | limit        | "
      "step "
      "cpu | bare cpu | cores used by step, bare | vote | aggregate | update\n",
      make_learner("LeNet", data->shape(), data->classes())->numerical_profile(), pool.size(),
      rounds, 100 * kShare, kFixedMs);
  for (const bool attacked : {false, true}) {
    for (const Defence& defence : kDefences) {
      if (!compare(*data, defence, attacked, pool, rounds)) return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) { return detox::pinned_main(argc, argv, "step_bench", detox::run); }
