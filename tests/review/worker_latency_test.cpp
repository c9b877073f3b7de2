// How long workers took, from files as a run writes them.
#include "review/worker_latency.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>

#include "detox/errors.hpp"
#include "record/latency_file.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::DoubleNear;
using testing::HasSubstr;
using testing::Optional;

const std::string kDigest(64, 'a');

/// Codes are at most 0.31 % off.
auto about(double seconds) { return Optional(DoubleNear(seconds, 0.004 * seconds)); }

/// Worker 1 answers in as many milliseconds as the step has, worker 2 in odd steps never, worker 3
/// is not asked.
void write_latencies(const TemporaryDirectory& folder, std::uint64_t steps) {
  LatencyJournal journal(folder / "latency.bin", 3, kDigest, 0);
  for (std::uint64_t step = 1; step <= steps; ++step) {
    StepLatency latency(3);
    latency.order(0);
    latency.answer(0, 1e-3 * static_cast<double>(step));
    latency.order(1);
    if (step % 2 == 0) latency.answer(1, 0.5);
    ASSERT_TRUE(journal.append(step, latency));
  }
}

TEST(LatencyHistory, HasEachWorkersQuantiles) {
  const TemporaryDirectory folder;
  write_latencies(folder, 100);
  const auto history = read_latency_history(folder.path(), 3, StepColumns(1, 100, 10));
  ASSERT_TRUE(history);
  EXPECT_THAT(history->workers[0].median, about(0.050));
  EXPECT_THAT(history->workers[0].within_95, about(0.095));
  EXPECT_THAT(history->workers[1].median, about(0.5));
  EXPECT_EQ(history->workers[2].median, std::nullopt);
  EXPECT_EQ(history->workers[0].last_answer, 100U);
  EXPECT_EQ(history->workers[2].last_answer, 0U);
}

TEST(LatencyHistory, HasGeometricMeansOfColumns) {
  const TemporaryDirectory folder;
  write_latencies(folder, 4);
  const auto pairs = read_latency_history(folder.path(), 3, StepColumns(1, 4, 2));
  ASSERT_EQ(pairs->codes.size(), 6U);
  EXPECT_NEAR(latency_seconds(pairs->codes[0]), std::sqrt(0.001 * 0.002), 1e-5);
  EXPECT_NEAR(latency_seconds(pairs->codes[1]), std::sqrt(0.003 * 0.004), 2e-5);
  const auto single = read_latency_history(folder.path(), 3, StepColumns(1, 4, 4));
  EXPECT_EQ(single->codes[4], kNotAnswered);
  EXPECT_NEAR(latency_seconds(single->codes[5]), 0.5, 0.002);
  EXPECT_EQ(single->codes[8], kNotOrdered);
}

TEST(LatencyHistory, IsOfTheStepsThatAreAskedFor) {
  const TemporaryDirectory folder;
  write_latencies(folder, 100);
  const auto history = read_latency_history(folder.path(), 3, StepColumns(11, 20, 10));
  EXPECT_EQ(history->codes.size(), 30U);
  EXPECT_EQ(history->workers[0].last_answer, 20U);
}

TEST(LatencyHistory, IsNotThereWithoutAFile) {
  const TemporaryDirectory folder;
  EXPECT_FALSE(read_latency_history(folder.path(), 3, StepColumns(1, 4, 2)));
}

TEST(LatencyHistory, RefusesAFileThatIsAnothersOrNone) {
  const TemporaryDirectory folder;
  write_latencies(folder, 4);
  EXPECT_THROW(read_latency_history(folder.path(), 4, StepColumns(1, 4, 2)), InputError);
  std::ofstream(folder / "latency.bin") << "something else";
  try {
    read_latency_history(folder.path(), 3, StepColumns(1, 4, 2));
    ADD_FAILURE();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("latency.bin"));
  }
}

}  // namespace
}  // namespace detox
