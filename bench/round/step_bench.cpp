// What a step of a run in the local engine costs beyond the forward and backward passes that it
// cannot do without: the paper's cluster (P = 45, r = 3, k = 15 slices of 24 images, q = 5, LeNet),
// one process, as many threads as the machine has cores. The bare cost is that of the same k slices
// in plain libtorch, batches in tensors already, over the same threads. First every honest answer
// of a step must hold the bytes of the plain loop's gradient; exit code 1 where one does not. A
// step is timed from its order to its record.
//
//   step_bench [ROUNDS [DATA_DIR]]       60 rounds; Fashion-MNIST from where detoxml finds it
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/cores.hpp"
#include "config/options.hpp"
#include "config/plan.hpp"
#include "detox/errors.hpp"
#include "engine/adversary.hpp"
#include "learn/pinned_again.hpp"
#include "learn/plain_network.hpp"
#include "round/answer_format.hpp"
#include "run/session.hpp"
#include "stages/assign/slice_schedule.hpp"
#include "support/altered_votes.hpp"
#include "support/pinned_main.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

/// What the step may cost on top: a tenth of the bare time and 10 ms.
constexpr double kShare = 0.10, kFixedMs = 10;
constexpr int kUntimed = 3;  ///< steps: the first one is compared

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
  double wall_start = 0, cpu_start = 0;

  void begin() {
    wall_start = now(CLOCK_MONOTONIC);
    cpu_start = now(CLOCK_PROCESS_CPUTIME_ID);
  }
  void end() {
    wall.push_back(1e3 * (now(CLOCK_MONOTONIC) - wall_start));
    cpu.push_back(1e3 * (now(CLOCK_PROCESS_CPUTIME_ID) - cpu_start));
  }
};

StartingConfig configure(const Defence& defence, bool attacked, int steps,
                         const std::filesystem::path& directory) {
  Options options = {{"approach", "detox"},
                     {"workers", "45"},
                     {"group-size", "3"},
                     {"global-batch", "360"},
                     {"assume-fail", "5"},
                     {"err-mode", "rev_grad"},
                     {"fail-schedule", "per-step"},
                     {"worker-fail", attacked ? "5" : "0"},
                     {"network", "LeNet"},
                     {"dataset", "FashionMNIST"},
                     {"max-steps", fmt::to_string(steps)},
                     {"threads", fmt::to_string(usable_cores())},
                     {"eval-freq", "0"},
                     {"log-interval", fmt::to_string(steps)},
                     {"train-dir", directory.string()}};
  options.insert(defence.options.begin(), defence.options.end());
  StartingConfig given;
  for (const auto& [name, value] : options) set_option(find_option(name), value, given.config);
  return given;
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

/// A run as `detoxml train` composes it; before each of its steps the plain loop takes one, so that
/// a neighbour on the machine slows both alike. The first step is compared and not timed.
class Contest final : public RunObserver {
 public:
  Contest(const Dataset& data, std::string data_dir, const StartingConfig& given)
      : data_(data),
        environment_({.load_data =
                          [dir = std::move(data_dir)](const RunConfig& config, Split split) {
                            return load_dataset(config.dataset, dir, split, config.image_size);
                          },
                      .resolve_network = resolve_network,
                      .choose_dataset = choose_dataset,
                      .make_learner = make_learner,
                      .stop = stop_,
                      .around_fleet = [this](Fleet& fleet) { return around(fleet); }}),
        session_(given, environment_, *this) {}

  /// False where an honest answer of the first step is not the plain loop's gradient.
  bool run() {
    session_.train_locally();
    return compared_ > 0 && is_right_;
  }

  Times engine, bare;
  std::vector<double> vote, aggregate, update;

 private:
  class Turns;
  std::unique_ptr<Fleet> around(Fleet& fleet);

  void on_step(const StepReport& report) override {
    if (report.step <= std::uint64_t{kUntimed}) return;
    engine.end();
    vote.push_back(1e3 * report.seconds.vote);
    aggregate.push_back(1e3 * report.seconds.aggregate);
    update.push_back(1e3 * report.seconds.update);
  }

  void make_plain_networks(std::span<const float> weights) {
    const TrainSetup& setup = session_.setup();
    const auto slices = read_batches(
        data_, SliceSchedule(data_.size(), setup.plan.k, setup.samples_per_step, setup.keys.data),
        setup.plan.k, setup.keys.data);
    std::vector<Batch> batches;
    batches.reserve(slices.size());
    for (const SliceBatch& slice : slices) batches.push_back({slice.images, slice.labels});
    for (std::size_t thread = 0; thread < session_.pool().size(); ++thread) {
      plain_.push_back(
          std::make_unique<PlainNetwork>("LeNet", data_.shape(), data_.classes(), batches));
      plain_.back()->set_weights(weights);
    }
    losses_.resize(setup.plan.k);
  }

  void compare(const IncomingAnswer& answer, const AnswerFormat& format) {
    plain_[0]->step(answer.slice);
    is_right_ &= plain_[0]->gradient_is({format.gradient_row(answer.bytes), format.d()});
    ++compared_;
  }

  FleetReport first_step(Fleet& fleet, const StepOrder& order, std::chrono::duration<double> limit,
                         StepVotes& votes) {
    make_plain_networks(order.parameters);
    const TrainSetup& setup = session_.setup();
    const AnswerFormat format("none", order.parameters.size(), order.statistics.size());
    const Adversary adversary(setup.plan.attack, setup.keys.attack);
    const auto byzantine = adversary.byzantine(order.step, order.assignment);
    AlteredVotes watched(votes, [&](const IncomingAnswer& answer) {
      if (!adversary.active() || !byzantine[answer.worker]) compare(answer, format);
      votes.count(answer);
    });
    return fleet.run_step(order, limit, watched);
  }

  void plain_step() {
    session_.pool().parallel_for(losses_.size(), [&](std::size_t slice, std::size_t thread) {
      losses_[slice] = plain_[thread]->step(slice);
    });
  }

  const Dataset& data_;
  std::atomic<bool> stop_{false};
  Environment environment_;
  Session session_;
  std::vector<std::unique_ptr<PlainNetwork>> plain_;
  std::vector<float> losses_;
  std::size_t compared_ = 0;
  bool is_right_ = true;
};

/// A step of the plain loop, then the run's.
class Contest::Turns final : public Fleet {
 public:
  Turns(Contest& contest, Fleet& fleet) : contest_(contest), fleet_(fleet) {}
  FleetReport run_step(const StepOrder& order, std::chrono::duration<double> limit,
                       StepVotes& votes) override {
    if (order.step == 1) return contest_.first_step(fleet_, order, limit, votes);
    contest_.bare.begin();
    contest_.plain_step();
    if (order.step > std::uint64_t{kUntimed}) contest_.bare.end();
    contest_.engine.begin();
    return fleet_.run_step(order, limit, votes);
  }
  const Clock& clock() const override { return fleet_.clock(); }

 private:
  Contest& contest_;
  Fleet& fleet_;
};

std::unique_ptr<Fleet> Contest::around(Fleet& fleet) {
  return std::make_unique<Turns>(*this, fleet);
}

/// False where the gradients differ.
bool compare(const Dataset& data, const std::string& data_dir, const Defence& defence,
             bool attacked, int rounds) {
  const TemporaryDirectory directory;
  Contest contest(data, data_dir,
                  configure(defence, attacked, rounds + kUntimed, directory / "run"));
  if (!contest.run()) {
    fmt::print(stderr, "{}: an honest answer is not the plain loop's gradient\n", defence.name);
    return false;
  }
  const Times &engine = contest.engine, &bare = contest.bare;
  std::vector<double> excess;
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
      median(bare.cpu) / bare_ms, median(contest.vote), median(contest.aggregate),
      median(contest.update));
  std::fflush(stdout);
  return true;
}

int run(int argc, char** argv) {
  pin_numerics_again(argv);
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 60;
  if (rounds < 1) throw UsageError("usage: step_bench [ROUNDS [DATA_DIR]]");
  const std::string data_dir = argc > 2 ? argv[2] : "";
  const auto data = load_dataset(find_dataset("FashionMNIST"), data_dir, Split::kTrain);
  fmt::print(
      "{}\nP = 45, r = 3, k = 15 slices of 24 images, q = 5, {} threads; medians of {} rounds in "
      "ms; limit {:.0f} % + {:.0f} ms; in brackets the median of the differences\n"
      "rule                | attack   |  step |  bare | ratio | excess        | limit        | "
      "step "
      "cpu | bare cpu | cores used by step, bare | vote | aggregate | update\n",
      make_learner("LeNet", data->shape(), data->classes())->numerical_profile(), usable_cores(),
      rounds, 100 * kShare, kFixedMs);
  for (const bool attacked : {false, true}) {
    for (const Defence& defence : kDefences) {
      if (!compare(*data, data_dir, defence, attacked, rounds)) return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) { return detox::pinned_main(argc, argv, "step_bench", detox::run); }
