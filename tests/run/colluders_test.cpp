// q liars that compute honestly, faster than the others, and combine what timing can do: passing
// weights on in drops, promising and delivering in drops or never, complaining of others. Each
// slice has an honest majority. What the run costs, in simulated time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/simulated_checks.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kSteps = 60;
constexpr double kComputeSeconds = 0.01, kDeadlineSeconds = 20;

SimulatedJob honest_job(std::size_t q) {
  SimulatedJob job;
  job.workers = 15;
  job.steps = kSteps;
  job.options = {{"workers", "15"},
                 {"group-size", "5"},
                 {"assume-fail", std::to_string(q)},
                 {"mode", "coord-median"},
                 {"max-steps", std::to_string(kSteps)},
                 {"eval-freq", "0"},
                 {"batch-size", "4"},
                 {"err-mode", "none"}};
  job.chunk_bytes = 8;
  job.step_timeout_s = job.start_timeout_s = kDeadlineSeconds;
  job.server_timeout_s = 60;
  job.compute_s.assign(job.workers + 1, kComputeSeconds);
  job.link_times.assign(job.workers + 1, 1);
  return job;
}

struct Cost {
  double median_s, longest_s;  ///< of its steps
};

Cost cost_of(const SimulatedJob& job) {
  const QuietLog quiet;
  const MemoryDirectory directory;
  const SimulatedOutcome outcome = simulate(job, directory / "run");
  EXPECT_EQ(outcome.end, RunEnd::kFinished) << outcome.error;
  SimulatedChecks checks(job, outcome, directory / "run");
  EXPECT_THAT(checks.run(), testing::IsEmpty());
  EXPECT_EQ(checks.skipped(), 0U);
  std::vector<double> seconds;
  for (const SimulatedStep& step : outcome.steps) seconds.push_back(step.end_s - step.begin_s);
  std::ranges::sort(seconds);
  return {seconds[seconds.size() / 2], seconds.back()};
}

/// What two of them do, and how long each drop takes.
using Collusion = std::pair<std::vector<std::string>, double>;
class Colluders : public testing::TestWithParam<Collusion> {};
INSTANTIATE_TEST_SUITE_P(OfTwo, Colluders,
                         testing::Values(Collusion{{"drip-relay"}, 0.02},
                                         Collusion{{"drip-relay", "undelivered"}, 0.045},
                                         Collusion{{"slander", "drip"}, 0.045},
                                         Collusion{{"lost-relay", "drip"}, 0.045},
                                         Collusion{{"drip-relay", "slander", "undelivered"}, 0.19},
                                         Collusion{{"drip-relay", "drip"}, 2.0}));

TEST_P(Colluders, CostTheTimeThatIsWrittenDownAndNoStep) {
  const auto& [faults, pause_s] = GetParam();
  SimulatedJob job = honest_job(2);
  job.hostile_pause_s = pause_s;
  for (const int rank : {4, 9}) {
    job.compute_s[static_cast<std::size_t>(rank)] = 0.1 * kComputeSeconds;
    for (const std::string& kind : faults) job.hostile[rank].push_back({kind, 1, kSteps});
  }
  const Cost cost = cost_of(job);
  const double honest_s = 2 * kComputeSeconds;
  const double patience_s = 0.1, quiet_s = 0.2;  // docs/formats/wire.md
  EXPECT_LE(cost.longest_s, honest_s + 2 * quiet_s + 2 * patience_s);
  EXPECT_LE(cost.median_s, honest_s + 2 * patience_s);
}

}  // namespace
}  // namespace detox
