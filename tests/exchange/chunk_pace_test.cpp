#include "exchange/chunk_pace.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace detox {
namespace {

TEST(RecentMedian, IsTheLowerOneInTheMiddleOfTheLatest15) {
  RecentMedian median;
  EXPECT_FALSE(median.is_known());
  median.add(9);
  median.add(1);
  EXPECT_EQ(median.value(), 1);
  for (int i = 0; i < 15; ++i) median.add(4);
  for (int i = 0; i < 7; ++i) median.add(100);
  EXPECT_EQ(median.value(), 4);
  median.add(100);
  EXPECT_EQ(median.value(), 100);
}

TEST(RankedValues, AreThoseOfTheSortedOnes) {
  std::mt19937 random(1);
  RankedValues ranked;
  std::vector<double> values;
  for (int i = 0; i < 3000; ++i) {
    if (!values.empty() && random() % 3 == 0) {
      const std::size_t gone = random() % values.size();
      ranked.remove(values[gone]);
      values.erase(values.begin() + static_cast<std::ptrdiff_t>(gone));
    } else {
      values.push_back(static_cast<double>(random() % 40));  // so that many are equal
      ranked.add(values.back());
    }
    std::ranges::sort(values);
    ASSERT_EQ(ranked.size(), values.size());
    if (values.empty() || i % 2 == 0) continue;
    const std::size_t place = i % 16 == 1 ? random() % values.size() : (values.size() - 1) / 2;
    ASSERT_EQ(ranked.at(place), values[place]);
  }
}

TEST(ChunkPace, IsASecondBeforeMoreThanLiarsAreHeardOf) {
  ChunkPace pace(9, 3);
  EXPECT_EQ(pace.patience_s(), 1);
  for (std::uint32_t liar = 0; liar < 3; ++liar) {
    for (int chunk = 0; chunk < 100; ++chunk) pace.add(liar, 0.75 * pace.patience_s());
  }
  EXPECT_EQ(pace.patience_s(), 1);
  pace.add(8, 0.1);
  EXPECT_DOUBLE_EQ(pace.patience_s(), 0.3);
}

TEST(ChunkPace, IsThreeTimesWhatTheMiddleWorkerTakes) {
  ChunkPace pace(5, 0);
  for (std::uint32_t worker = 0; worker < 5; ++worker) pace.add(worker, 1 + worker);
  EXPECT_DOUBLE_EQ(pace.patience_s(), 9);
}

TEST(ChunkPace, CountsEachWorkerOnceHoweverMuchItDelivers) {
  ChunkPace pace(5, 2);
  for (std::uint32_t worker = 0; worker < 5; ++worker) pace.add(worker, worker < 2 ? 1000 : 0.5);
  for (int chunk = 0; chunk < 1000; ++chunk) pace.add(chunk % 2 == 0 ? 0 : 1, 1000);
  EXPECT_DOUBLE_EQ(pace.patience_s(), 1.5);
}

TEST(ChunkPace, IsNeverLessThanABusyMachineTakes) {
  ChunkPace pace(1, 0);
  pace.add(0, 0.001);
  EXPECT_EQ(pace.patience_s(), ChunkPace::kLeastPatienceSeconds);
  EXPECT_EQ(ChunkPace(1, 0, 30).patience_s(), 30);
}

TEST(ChunkPace, IsMovedByLiarsNoFurtherThanTheHonestGo) {
  for (std::size_t q = 0; q <= 4; ++q) {
    for (std::size_t honest = 1; honest <= 9; ++honest) {
      ChunkPace pace(q + honest, q);
      for (std::uint32_t worker = 0; worker < q + honest; ++worker)
        pace.add(worker, worker < q ? 1e6 : 0.1 + 0.01 * worker);
      EXPECT_LE(pace.patience_s(), 3 * (0.1 + 0.01 * static_cast<double>(q + honest)))
          << q << ' ' << honest;
    }
  }
}

TEST(ChunkPace, CallsSlowWhoTakesMuchLongerThanTheOthers) {
  ChunkPace pace(4, 1);
  EXPECT_FALSE(pace.is_known(3));
  for (std::uint32_t worker = 0; worker < 4; ++worker) pace.add(worker, worker == 3 ? 0.4 : 0.2);
  EXPECT_TRUE(pace.is_known(3));
  EXPECT_TRUE(pace.is_slow(3));
  EXPECT_FALSE(pace.is_slow(0));
}

}  // namespace
}  // namespace detox
