// What a step of the learner and of our optimizer costs beyond the same step in plain libtorch:
// copying weights and batch in and the gradient out, and counting. First the gradients of both must
// be the same bytes.
//
//   learn_bench                       ratios, images a second of one and two learners, memory, then
//   the benchmarks
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "base/learner.hpp"
#include "learn/pinned_again.hpp"
#include "learn/plain_network.hpp"
#include "stages/optimize/sgd.hpp"

namespace detox {
namespace {

constexpr std::size_t kClasses = 10;
constexpr std::array<std::size_t, 3> kBatchSizes{8, 24, 32};
constexpr SgdOptions kSgd{.lr = 1e-3, .momentum = 0.9};

/// A network and the images it is timed with.
struct Case {
  std::string_view network;
  ImageShape shape;
};
constexpr Case kLeNet{"LeNet", {1, 28, 28}};
constexpr Case kResNet18{"ResNet18", {3, 32, 32}}, kVgg13{"VGG13", {3, 32, 32}};

std::vector<float> normal_values(std::size_t count, std::uint64_t seed) {
  std::vector<float> values(count);
  RandomStream(key_from_seed(seed)).fill_normal(values);
  return values;
}

/// The learner and the plain loop on the same weights and batch.
class Steps {
 public:
  Steps(const Case& timed, std::size_t count)
      : images_(normal_values(count * timed.shape.values(), 2)),
        labels_(labels_of(count)),
        learner_(make_learner(timed.network, timed.shape, kClasses)),
        state_(learner_->initial_state(key_from_seed(1))),
        gradient_(state_.parameters.size()),
        velocity_(state_.parameters.size()),
        statistics_(state_.statistics.size()),
        plain_(timed.network, timed.shape, kClasses, std::array{Batch{images_, labels_}}) {
    plain_.set_weights(state_.parameters);
  }

  /// Gradient and update.
  void learner_step() {
    compute_gradient();
    sgd_step(kSgd, gradient_, state_.parameters, velocity_, pool_);
  }

  void plain_step() {
    benchmark::DoNotOptimize(plain_.step(0));
    plain_.update(kSgd.lr);
  }

  bool agree() {
    compute_gradient();
    plain_.step(0);
    return plain_.gradient_is(gradient_);
  }

 private:
  void compute_gradient() {
    benchmark::DoNotOptimize(learner_->gradient(state_.parameters, state_.statistics,
                                                {images_, labels_}, gradient_, statistics_));
  }

  static std::vector<std::int64_t> labels_of(std::size_t count) {
    std::vector<std::int64_t> labels(count);
    for (std::size_t i = 0; i < count; ++i) labels[i] = static_cast<std::int64_t>(i % kClasses);
    return labels;
  }

  std::vector<float> images_;
  std::vector<std::int64_t> labels_;
  std::unique_ptr<Learner> learner_;
  ModelState state_;
  std::vector<float> gradient_, velocity_, statistics_;
  ThreadPool pool_{1};
  PlainNetwork plain_;
};

double now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Of this thread's processor by default, so that neighbours on the machine count less.
template <class Work>
double seconds(Work&& work, clockid_t clock = CLOCK_THREAD_CPUTIME_ID) {
  const double start = now(clock);
  work();
  return now(clock) - start;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// Pages that the kernel had to hand out to this thread: each costs about as much as computing on
/// it.
long page_faults() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

/// Both loops by turns, so that a neighbour on the machine slows both alike.
void print_ratio(const Case& timed, std::size_t count, int rounds, int steps_a_round) {
  Steps steps(timed, count);
  if (!steps.agree()) {
    fmt::print(stderr, "{}, batch {}: the learner's gradient is not the plain loop's\n",
               timed.network, count);
    std::exit(1);
  }
  std::vector<double> learner, plain, ratio;
  for (int round = 0; round < rounds; ++round) {
    const auto a_step = [&](auto&& step) {
      return seconds([&] {
               for (int i = 0; i < steps_a_round; ++i) step();
             }) /
             steps_a_round;
    };
    learner.push_back(a_step([&] { steps.learner_step(); }));
    plain.push_back(a_step([&] { steps.plain_step(); }));
    ratio.push_back(learner.back() / plain.back());
  }
  const auto images = static_cast<double>(count);
  fmt::print(
      "{} batch {:2}: learner {:.3f} ms ({:.1f} images/s), plain libtorch {:.3f} ms ({:.1f}), "
      "ratio {:.3f}\n",
      timed.network, count, 1e3 * median(learner), images / median(learner), 1e3 * median(plain),
      images / median(plain), median(ratio));
}

void print_throughput_of_threads(std::size_t count, std::size_t threads) {
  constexpr int kSteps = 400;
  std::vector<double> took(threads);
  std::vector<long> faults(threads);
  {
    std::vector<std::jthread> pool;
    for (std::size_t t = 0; t < threads; ++t) {
      pool.emplace_back([&, t] {
        Steps steps(kLeNet, count);
        steps.learner_step();
        faults[t] = -page_faults();
        took[t] = seconds(
            [&] {
              for (int i = 0; i < kSteps; ++i) steps.learner_step();
            },
            CLOCK_MONOTONIC);
        faults[t] += page_faults();
      });
    }
  }
  const double slowest = *std::max_element(took.begin(), took.end());
  fmt::print(
      "LeNet batch {:2}, {} threads with a learner each: {:.0f} images/s, {} page faults a step\n",
      count, threads, static_cast<double>(kSteps * static_cast<int>(threads * count)) / slowest,
      *std::max_element(faults.begin(), faults.end()) / kSteps);
}

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  file >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0);
}

void print_memory_of_learners() {
  constexpr std::size_t kLearners = 45;
  const std::vector<float> images = normal_values(32 * kLeNet.shape.values(), 3);
  const std::vector<std::int64_t> labels(32, 1);
  std::vector<std::unique_ptr<Learner>> learners;
  learners.push_back(make_learner(kLeNet.network, kLeNet.shape, kClasses));
  const ModelState state = learners[0]->initial_state(key_from_seed(1));
  std::vector<float> gradient(state.parameters.size());
  const auto use = [&](Learner& learner) {
    learner.gradient(state.parameters, {}, {images, labels}, gradient, {});
  };
  use(*learners[0]);
  const double before = resident_mib();
  for (std::size_t i = 0; i < kLearners; ++i) {
    learners.push_back(make_learner(kLeNet.network, kLeNet.shape, kClasses));
    use(*learners.back());
  }
  fmt::print("LeNet: {:.2f} MiB resident for each further learner after a step of 32\n",
             (resident_mib() - before) / kLearners);
}

void BM_LeNetStep(benchmark::State& state) {
  Steps steps(kLeNet, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) steps.learner_step();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_LeNetStep)->Arg(8)->Arg(24)->Arg(32)->Unit(benchmark::kMillisecond);

void BM_LeNetStepInPlainLibtorch(benchmark::State& state) {
  Steps steps(kLeNet, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) steps.plain_step();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_LeNetStepInPlainLibtorch)->Arg(8)->Arg(24)->Arg(32)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  detox::pin_numerics_again(argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  fmt::print("{}\n", detox::make_learner("LeNet", detox::kLeNet.shape, 10)->numerical_profile());
  detox::print_memory_of_learners();
  for (const std::size_t count : detox::kBatchSizes)
    detox::print_ratio(detox::kLeNet, count, 150, 4);
  for (const detox::Case& timed : {detox::kResNet18, detox::kVgg13}) {
    // Turns of seconds scatter by 5 %: the batch that the limit of 3 % is for gets more of them.
    for (const std::size_t count : detox::kBatchSizes)
      detox::print_ratio(timed, count, count == 32 ? 36 : 15, 1);
  }
  for (const std::size_t count : detox::kBatchSizes)
    detox::print_throughput_of_threads(count, 1), detox::print_throughput_of_threads(count, 2);
  std::fflush(stdout);
  benchmark::RunSpecifiedBenchmarks();
}
