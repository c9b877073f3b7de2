// How long computing threads wait for their input: ResNet18 on slices of 32 images of CIFAR's
// format, augmented, in the local engine; and what a worker over MPI, which learns its slice with
// the step, takes for reading it. Before timing, a slice of the loader is compared with one that is
// read on this thread.
//
//   data_bench DATA_DIR [STEPS]      10 steps; DATA_DIR holds synthetic-cifar10 (detoxml data
//   prepare)
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "base/clock.hpp"
#include "base/cores.hpp"
#include "config/options.hpp"
#include "config/plan.hpp"
#include "detox/errors.hpp"
#include "engine/local_fleet.hpp"
#include "round/ballot.hpp"
#include "stages/assign/placement.hpp"
#include "support/pinned_main.hpp"

namespace detox {
namespace {

constexpr std::size_t kSlices = 6, kBatch = 32, kWorkers = 18;
constexpr double kLargestShare = 0.02;

bool loader_is_right(const SliceReader& reader) {
  SliceReader own = reader;
  BatchLoader loader(reader, kSlices);
  loader.begin_step(1);
  own.begin_step(1);
  SliceBatch batch;
  own.read(kSlices - 1, batch);
  return loader.slice(kSlices - 1).images == batch.images;
}

int run(int argc, char** argv) {
  const int steps = argc > 2 ? std::atoi(argv[2]) : 10;
  if (argc < 2 || steps < 1) throw UsageError("usage: data_bench DATA_DIR [STEPS]");
  const auto data = load_dataset(find_dataset("synthetic-cifar10"), argv[1], Split::kTrain);
  const Key key = key_from_seed(428);
  SliceReader reader(*data, {data->size(), kSlices, kSlices * kBatch, key}, key);
  if (!loader_is_right(reader)) {
    fmt::print(stderr, "the loader's slice is not the one that is read on this thread\n");
    return 1;
  }

  ThreadPool pool(usable_cores());
  const LearnerFactory make = [&] {
    return make_learner("ResNet18", data->shape(), data->classes());
  };
  const auto learner = make();
  ModelState model = learner->initial_state(key);
  const AnswerFormat format("none", model.parameters.size(), model.statistics.size());
  const Adversary nobody({}, key);
  LocalFleet fleet({.data = *data,
                    .format = format,
                    .adversary = nobody,
                    .pool = pool,
                    .data_key = key,
                    .samples_per_step = kSlices * kBatch,
                    .slices = kSlices,
                    .every_replica = false},
                   make);
  const std::vector<bool> absent(kWorkers);
  RecentSteps recent;
  double waited_before = 0;
  auto start = Clock::real().now();
  for (int step = 0; step <= steps; ++step) {
    if (step == 1) {  // the first step has nothing to read ahead of
      waited_before = fleet.waited_for_data_s();
      start = Clock::real().now();
    }
    const auto number = static_cast<std::uint64_t>(step) + 1;
    const Assignment assignment = random_placement({kWorkers, kSlices, 1}, key, number);
    Ballot ballot({.round = number,
                   .assignment = assignment,
                   .absent = absent,
                   .answer_bytes = format.layout().size(),
                   .enough = kSlices,
                   .recent = recent});
    fleet.run_step({.step = number,
                    .assignment = assignment,
                    .absent = absent,
                    .parameters = model.parameters,
                    .statistics = model.statistics},
                   std::chrono::seconds(3600), ballot);
  }
  const double total = Clock::real().seconds_since(start) * static_cast<double>(pool.size());
  const double waited = fleet.waited_for_data_s() - waited_before;

  SliceBatch batch;
  const auto read_start = Clock::real().now();
  constexpr int kReads = 200;
  for (int i = 0; i < kReads; ++i) {
    reader.begin_step(static_cast<std::uint64_t>(i % steps) + 1);
    reader.read(static_cast<std::size_t>(i) % kSlices, batch);
  }
  const double read = Clock::real().seconds_since(read_start) / kReads;
  const double slice = total / static_cast<double>(steps) / kSlices;
  fmt::print(
      "{}\nResNet18, batch {}, {} slices, {} threads, {} steps: {:.1f} ms a slice; waiting for "
      "data "
      "{:.4f} % of it (limit {:.0f} %); a worker that reads its slice itself: {:.2f} ms, {:.3f} "
      "%\n",
      learner->numerical_profile(), kBatch, kSlices, pool.size(), steps, 1e3 * slice,
      100 * waited / total, 100 * kLargestShare, 1e3 * read, 100 * read / slice);
  return waited / total < kLargestShare ? 0 : 1;
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) { return detox::pinned_main(argc, argv, "data_bench", detox::run); }
