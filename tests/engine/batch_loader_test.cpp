#include "engine/batch_loader.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "support/toy.hpp"

namespace detox {
namespace {

constexpr std::size_t kSlices = 5, kPerStep = 23;

SliceReader reader(const Dataset& data) {
  const Key key = key_from_seed(1);
  return {data, {data.size(), kSlices, kPerStep, key}, key};
}

class Loader : public testing::Test {
 protected:
  /// What the slice is when it is read on this thread.
  SliceBatch expected(std::uint64_t step, std::size_t slice) {
    SliceReader own = reader(data);
    own.begin_step(step);
    SliceBatch batch;
    own.read(slice, batch);
    return batch;
  }

  void expect_right(BatchLoader& loader, std::uint64_t step, std::size_t slice) {
    const SliceBatch wanted = expected(step, slice);
    const SliceBatch& found = loader.slice(slice);
    EXPECT_EQ(found.images, wanted.images) << step << " " << slice;
    EXPECT_EQ(found.labels, wanted.labels) << step << " " << slice;
    EXPECT_EQ(found.draws, wanted.draws) << step << " " << slice;
  }

  ToyData data{100};
};

TEST_F(Loader, HandsOutWhatReadingOnThisThreadGives) {
  BatchLoader loader(reader(data), kSlices);
  for (std::uint64_t step = 1; step < 20; ++step) {
    loader.begin_step(step);
    for (std::size_t slice = kSlices; slice-- > 0;) expect_right(loader, step, slice);
  }
}

TEST_F(Loader, FollowsStepsInAnyOrderAlsoWithoutWaitingForThem) {
  BatchLoader loader(reader(data), kSlices);
  RandomStream random(key_from_seed(2));
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t step = 1 + random.below(6);
    loader.begin_step(step);
    if (random.below(3) == 0) continue;
    const std::size_t slice = random.below(kSlices);
    expect_right(loader, step, slice);
  }
}

TEST_F(Loader, ServesManyThreads) {
  BatchLoader loader(reader(data), kSlices);
  for (std::uint64_t step = 1; step < 10; ++step) {
    loader.begin_step(step);
    std::vector<std::jthread> threads;
    for (std::size_t slice = 0; slice < kSlices; ++slice) {
      threads.emplace_back([&, slice] { expect_right(loader, step, slice); });
    }
  }
  EXPECT_GE(loader.waited_s(), 0.0);
}

TEST_F(Loader, EndsThoughNobodyTookWhatItHasRead) {
  BatchLoader loader(reader(data), kSlices);
  loader.begin_step(1);
}

TEST_F(Loader, DrawsDifferInEveryStepAndSlice) {
  std::set<std::uint64_t> draws;
  for (std::uint64_t step = 1; step < 5; ++step) {
    for (std::size_t slice = 0; slice < kSlices; ++slice) draws.insert(expected(step, slice).draws);
  }
  EXPECT_EQ(draws.size(), 4 * kSlices);
}

}  // namespace
}  // namespace detox
