// What second copies cost where nobody lies: processor time of a step of the local engine, every
// copy computed, under audits and under lazy replicas, beside `baseline` with as many slices of as
// many samples, the same rule and commitments. First the weights after the steps must be the same
// bytes, and as many answers must have been computed as the redundancy says; exit code 1 where not.
// What is expected of a step is baseline's time, and for each further answer what one takes there;
// of the rounds the least times count.
//
//   redundancy_bench [ROUNDS [BATCH [DATA_DIR]]]     12 rounds of 20 steps, 8 images a slice
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/options.hpp"
#include "detox/errors.hpp"
#include "run/session.hpp"
#include "support/pinned_main.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kUntimed = 3, kTimed = 20;  ///< steps
constexpr double kMostPercent = 3;

using Options = std::map<std::string, std::string>;

struct Redundancy {
  const char* name;
  Options options, baseline;  ///< with the same slices, and the same f of the rule
  double least, most;         ///< answers a slice
};
// A twentieth of the compared slices is rechecked.
const std::vector<Redundancy> kRedundancies = {
    {"audit, p = 0.1",
     {{"approach", "audit"}, {"workers", "45"}, {"assume-fail", "5"}},
     {{"workers", "40"}, {"assume-fail", "5"}},
     1.1,
     1.11},
    {"audit, p = 1",
     {{"approach", "audit"}, {"audit-rate", "1"}, {"workers", "45"}, {"assume-fail", "5"}},
     {{"workers", "22"}, {"assume-fail", "2"}},
     2,
     2.1},
    {"lazy, r = 3",
     {{"approach", "detox"}, {"lazy", "on"}, {"workers", "45"}, {"assume-fail", "5"}},
     {{"workers", "15"}, {"assume-fail", "2"}},
     2,
     2},
};

double processor_ms() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
}

struct Cost {
  double step = 0, answers = 0;  ///< ms a step, and of it those of the fleet
  double computed = 0;           ///< answers a slice
};

/// One run as `detoxml train` composes it.
class TimedRun final : public RunObserver {
 public:
  TimedRun(const std::string& data_dir, const Options& options, std::uint64_t batch) {
    Options all = {{"approach", "baseline"},
                   {"mode", "trimmed-mean"},
                   {"batch-size", fmt::to_string(batch)},
                   {"compute-every-replica", "on"},
                   {"max-steps", fmt::to_string(kUntimed + kTimed)},
                   {"threads", "1"},
                   {"eval-freq", "0"},
                   {"log-interval", "1000"},
                   {"train-dir", (directory_ / "run").string()}};
    for (const auto& [name, value] : options) all[name] = value;
    StartingConfig given;
    for (const auto& [name, value] : all) set_option(find_option(name), value, given.config);
    const Environment environment{
        .load_data =
            [data_dir](const RunConfig& config, Split split) {
              return load_dataset(config.dataset, data_dir, split, config.image_size);
            },
        .resolve_network = resolve_network,
        .choose_dataset = choose_dataset,
        .make_learner = make_learner,
        .stop = stop_,
        .around_fleet = [this](Fleet& fleet) { return std::make_unique<Timed>(*this, fleet); }};
    Session session(given, environment, *this);
    session.train_locally();
    weights = session.model().parameters;
  }

  Cost cost;
  std::vector<float> weights;

 private:
  class Timed final : public Fleet {
   public:
    Timed(TimedRun& run, Fleet& fleet) : run_(run), fleet_(fleet) {}
    FleetReport run_step(const StepOrder& order, std::chrono::duration<double> limit,
                         StepVotes& votes) override {
      const double start = processor_ms();
      FleetReport report = fleet_.run_step(order, limit, votes);
      if (order.step > kUntimed) run_.cost.answers += (processor_ms() - start) / kTimed;
      return report;
    }
    const Clock& clock() const override { return fleet_.clock(); }

   private:
    TimedRun& run_;
    Fleet& fleet_;
  };

  void on_step(const StepReport& report) override {
    const double now = processor_ms();
    if (report.step > kUntimed) {
      cost.step += (now - last_) / kTimed;
      cost.computed +=
          static_cast<double>(report.computed()) / static_cast<double>(report.used.size()) / kTimed;
    }
    last_ = now;
  }

  const MemoryDirectory directory_;
  std::atomic<bool> stop_{false};
  double last_ = 0;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

/// Of the same work: what disturbs it only adds.
double least(const std::vector<double>& values) { return *std::ranges::min_element(values); }

/// False where the results are not what they have to be.
bool compare(const Redundancy& redundancy, int rounds, std::uint64_t batch,
             const std::string& data_dir) {
  std::vector<double> steps, bare, answers, computed, shares;
  for (int round = 0; round < rounds; ++round) {
    Cost with, without;
    // Which one is first takes turns, because a machine gets slower or faster.
    std::vector<float> weights[2];
    for (int turn = 0; turn < 2; ++turn) {
      const bool is_with = (round + turn) % 2 == 0;
      TimedRun run(data_dir, is_with ? redundancy.options : redundancy.baseline, batch);
      (is_with ? with : without) = run.cost;
      weights[turn] = std::move(run.weights);
    }
    const double more = with.computed - redundancy.least;
    if (weights[0] != weights[1] || more < -1e-9 || with.computed > redundancy.most + 1e-9) {
      fmt::print(stderr, "{}: {:.3f} answers a slice, and the weights are {}\n", redundancy.name,
                 with.computed, weights[0] == weights[1] ? "right" : "other ones");
      return false;
    }
    const double expected = without.step + (with.computed - 1) * without.answers;
    steps.push_back(with.step);
    bare.push_back(without.step);
    answers.push_back(without.answers);
    computed.push_back(with.computed);
    shares.push_back(100 * (with.step / expected - 1));
  }
  const double step = least(steps), baseline = least(bare), answer = least(answers);
  const double above = 100 * (step / (baseline + (median(computed) - 1) * answer) - 1);
  fmt::print(
      "{:14} | {:6.1f} | {:6.1f} ({:6.1f}) | {:5.3f} | {:5.3f} | {:+5.1f} % ({:+5.1f} to "
      "{:+5.1f}) {}\n",
      redundancy.name, step, baseline, answer, step / baseline, median(computed), above,
      *std::ranges::min_element(shares), *std::ranges::max_element(shares),
      above <= kMostPercent ? "within" : "ABOVE");
  std::fflush(stdout);
  return true;
}

int run(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 12;
  const int batch = argc > 2 ? std::atoi(argv[2]) : 8;
  if (rounds < 1 || batch < 1)
    throw UsageError("usage: redundancy_bench [ROUNDS [BATCH [DATA_DIR]]]");
  fmt::print(
      "LeNet, {} images a slice, one thread; processor time in ms, the least of {} rounds of {} "
      "steps; limit {:.0f} % above baseline and its time for each further answer\n"
      "               |   step | baseline (its answers) | ratio | answers a slice | above what is "
      "expected\n",
      batch, rounds, kTimed, kMostPercent);
  for (const Redundancy& redundancy : kRedundancies) {
    if (!compare(redundancy, rounds, static_cast<std::uint64_t>(batch), argc > 3 ? argv[3] : ""))
      return 1;
  }
  return 0;
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  return detox::pinned_main(argc, argv, "redundancy_bench", detox::run);
}
