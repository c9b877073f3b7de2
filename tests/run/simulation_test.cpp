// The real server and the real workers over a simulated network, in jobs that are drawn from seeds:
// deaths, pauses, delays, reordering, lies, floods. CONTRIBUTING.md says how to repeat one.
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "support/simulated_checks.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

#if defined(DETOX_SANITIZES_THREAD) || defined(DETOX_SANITIZES_ADDRESS)
constexpr std::uint64_t kJobs = 160;
#else
constexpr std::uint64_t kJobs = 2000;
#endif
constexpr std::uint64_t kShards = 8;

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

std::uint64_t jobs() {
  const std::string text = variable("DETOX_SIMULATION_JOBS");
  return text.empty() ? kJobs : std::stoull(text);
}

std::string how_to_repeat(std::uint64_t seed) {
  return fmt::format(
      "to repeat it: DETOX_SIMULATION_SEED={} DETOX_SIMULATION_TRACE=events.txt {} "
      "--gtest_filter=Simulation.RepeatsOneSeed\n",
      seed, std::filesystem::read_symlink("/proc/self/exe").string());
}

/// Says how to repeat a seed where the program aborts in the middle of it.
class AbortsWithTheSeed {
 public:
  explicit AbortsWithTheSeed(std::uint64_t seed) {
    line() = how_to_repeat(seed);
    before_ = std::signal(SIGABRT, [](int) {
      const auto written = write(STDOUT_FILENO, line().data(), line().size());
      static_cast<void>(written);
    });
  }
  ~AbortsWithTheSeed() { std::signal(SIGABRT, before_); }
  AbortsWithTheSeed(const AbortsWithTheSeed&) = delete;
  AbortsWithTheSeed& operator=(const AbortsWithTheSeed&) = delete;

 private:
  static std::string& line() {
    static std::string text;
    return text;
  }
  void (*before_)(int);
};

/// One thread at a time goes on, and is handed its turn sooner on the processor of the last one.
void stay_on_this_processor() {
  const int here = sched_getcpu();
  if (here < 0) return;
  cpu_set_t processors;
  CPU_ZERO(&processors);
  CPU_SET(static_cast<std::size_t>(here), &processors);
  sched_setaffinity(0, sizeof(processors), &processors);
}

struct Simulated {
  std::uint64_t trace = 0;
  std::vector<std::string> complaints;
  std::set<std::string> kinds;  ///< of entries in the ledger
};

Simulated simulate_seed(std::uint64_t seed,
                        const std::function<void(std::string_view)>& tell = {}) {
  const AbortsWithTheSeed aborts(seed);
  const SimulatedJob job = draw_job(seed);
  const MemoryDirectory directory;
  const SimulatedOutcome outcome = simulate(job, directory / "run", tell);
  SimulatedChecks checks(job, outcome, directory / "run");
  Simulated result{outcome.trace, checks.run(), {}};
  result.kinds = checks.kinds();
  return result;
}

class SimulatedJobs : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Simulation, SimulatedJobs, testing::Range<std::uint64_t>(0, kShards));

TEST_P(SimulatedJobs, AreReplaysOfTheirRecordsAccuseNobodyHonestAndKeepTheirDeadlines) {
  const QuietLog quiet;
  stay_on_this_processor();
  std::set<std::string> kinds;
  std::uint64_t simulated = 0;
  for (std::uint64_t seed = GetParam(); seed < jobs(); seed += kShards, ++simulated) {
    const Simulated found = simulate_seed(seed);
    EXPECT_TRUE(found.complaints.empty())
        << "seed " << seed << ": " << fmt::format("{}\n", fmt::join(found.complaints, "; "))
        << how_to_repeat(seed);
    kinds.insert(found.kinds.begin(), found.kinds.end());
  }
  if (simulated >= 200) {
    EXPECT_THAT(kinds, testing::SizeIs(kSuspicions)) << "not all that can be said was said";
  }
}

TEST(Simulation, HasOneTraceForASeedAndAnotherForAnother) {
  const QuietLog quiet;
  std::set<std::uint64_t> traces;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::uint64_t trace = simulate_seed(seed).trace;
    EXPECT_EQ(simulate_seed(seed).trace, trace) << seed;
    traces.insert(trace);
  }
  EXPECT_EQ(traces.size(), 20U);
}

/// One of a slice's three is dead, another returns after a pause and is a little slower than the
/// third: nobody waits for it at first, and each step would end just before it answers.
TEST(Simulation, WaitsAgainForWhoReturnsAndIsALittleSlowerThanTheOthers) {
  for (const char* vote : {"digest", "bytes"}) {
    SimulatedJob job;
    job.options = {{"workers", "3"},     {"group-size", "3"}, {"assume-fail", "1"},
                   {"mode", "normal"},   {"max-steps", "60"}, {"batch-size", "4"},
                   {"err-mode", "none"}, {"vote", vote},      {"max-skipped", "20"},
                   {"eval-freq", "60"}};
    job.workers = 3;
    job.steps = 60;
    job.step_timeout_s = job.start_timeout_s = 3;
    job.server_timeout_s = 30;
    job.compute_s = {0, 0.01, 0.02, 0.01};
    job.link_times.assign(4, 1);
    job.deaths = {{1, 0.1}};
    job.pauses = {{2, 0.15, 3.05}};
    const QuietLog quiet;
    const MemoryDirectory directory;
    const SimulatedOutcome outcome = simulate(job, directory / "run");
    EXPECT_EQ(outcome.end, RunEnd::kFinished) << outcome.error;
    SimulatedChecks checks(job, outcome, directory / "run");
    EXPECT_THAT(checks.run(), testing::IsEmpty());
    EXPECT_LE(checks.skipped(), 15U) << vote;
  }
}

/// An honest worker is stopped for some steps and goes on then.
SimulatedJob paused_audit(bool spares_one) {
  SimulatedJob job;
  job.options = {{"approach", "audit"},
                 {"audit-rate", "0.2"},
                 {"arbiter", spares_one ? "workers" : "server"},
                 {"workers", "12"},
                 {"slices", spares_one ? "8" : "10"},
                 {"assume-fail", "2"},
                 {"worker-fail", spares_one ? "2" : "0"},
                 {"recheck", "0.2"},
                 {"err-mode", "rev_grad"},
                 {"max-steps", "120"},
                 {"batch-size", "4"},
                 {"eval-freq", "120"},
                 {"mode", "trimmed-mean"}};
  job.workers = 12;
  job.steps = 120;
  job.step_timeout_s = job.start_timeout_s = 6;
  job.server_timeout_s = 60;
  job.compute_s.assign(13, 0.05);
  job.link_times.assign(13, 1);
  const ToyRun run("", job.options);
  const std::vector<bool> liars = run.byzantine(1, run.assignment(1));
  const auto honest = std::find(liars.begin() + 4, liars.end(), false) - liars.begin();
  job.pauses = {{static_cast<int>(honest) + 1, 0.5, 10}};
  return job;
}

/// A run that can spare one gives its slices to others; in the other one a deadline passes. Then
/// nobody waits for it, and it gets an order every 16 steps, until it answers and counts as ever.
TEST(Simulation, TakesAPausedWorkerInAgainUnderAuditsAndConvictsOnlyLiars) {
  stay_on_this_processor();
  for (const bool spares_one : {true, false}) {
    SCOPED_TRACE(spares_one);
    const SimulatedJob job = paused_audit(spares_one);
    const auto paused = static_cast<std::uint64_t>(job.pauses.front().rank);
    const QuietLog quiet;
    const MemoryDirectory directory;
    const SimulatedOutcome outcome = simulate(job, directory / "run");
    EXPECT_EQ(outcome.end, RunEnd::kFinished) << outcome.error;
    SimulatedChecks checks(job, outcome, directory / "run");
    EXPECT_THAT(checks.run(), testing::IsEmpty());  // no honest worker was convicted, for one

    const ToyRun run(directory / "run", job.options);
    std::vector<std::uint64_t> away, ordered, counted;  // steps
    const auto has = [&](const nlohmann::json& workers) {
      return std::find(workers.begin(), workers.end(), paused) != workers.end();
    };
    for (const auto& line : run.journal("rounds.jsonl")) {
      const std::uint64_t step = line["step"];
      if (has(line["away"])) away.push_back(step);
      for (const auto& slice : line["slices"]) {
        if (has(slice["assigned"])) ordered.push_back(step);
        if (has(slice["counted"])) counted.push_back(step);
      }
    }
    ASSERT_GE(away.size(), 20U);
    EXPECT_LE(away.back(), 100U);
    const auto tried = std::ranges::find_if(
        ordered, [&](std::uint64_t step) { return step > away.front() && step < away.back(); });
    ASSERT_NE(tried, ordered.end());
    EXPECT_EQ((*tried + paused - 1) % 16, 0U);
    EXPECT_LT(counted.front(), away.front());
    EXPECT_GT(counted.back(), 110U);
    const auto is_long = [](const SimulatedStep& step) { return step.end_s - step.begin_s > 0.5; };
    EXPECT_LE(std::ranges::count_if(outcome.steps, is_long), 5);
  }
}

/// That of DETOX_SIMULATION_SEED. All that happens goes to the file DETOX_SIMULATION_TRACE.
TEST(Simulation, RepeatsOneSeed) {
  const std::string seed = variable("DETOX_SIMULATION_SEED");
  if (seed.empty()) GTEST_SKIP() << "DETOX_SIMULATION_SEED is not set";
  std::ofstream events;
  if (const std::string file = variable("DETOX_SIMULATION_TRACE"); !file.empty()) events.open(file);
  const Simulated found = simulate_seed(std::stoull(seed), [&](std::string_view line) {
    if (events.is_open()) events << line << std::endl;  // also what precedes an abort
  });
  EXPECT_TRUE(found.complaints.empty()) << fmt::format("{}", fmt::join(found.complaints, "\n"));
}

}  // namespace
}  // namespace detox
