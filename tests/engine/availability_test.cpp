// Workers that do not answer, or late, on either engine: what counts is what the others say.
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "support/faulty_transport.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

using Entries = std::multiset<std::tuple<std::uint64_t, std::uint64_t, std::string>>;
constexpr double kDeadline = 0.4;
constexpr double kNever = 60;  ///< a deadline that shows in the time where it is paid

Options nine_workers(const Options& more) {
  Options options = {
      {"workers", "9"}, {"batch-size", "4"}, {"max-steps", "5"}, {"worker-fail", "1"}};
  for (const auto& [name, value] : more) options[name] = value;
  return options;
}

struct Course {
  std::string model;
  Entries ledger;     ///< step, worker from 1, kind
  Entries byzantine;  ///< the same as "missing": who was Byzantine in which step
  std::vector<nlohmann::json> metrics;
  double seconds = 0;  ///< simulated; none in one process
};

enum class Engine { kLocal, kNetwork };

/// `busy_s`: for so long a server over a network does something else after each step.
Course course_of(Engine engine, const Options& options, double deadline_s, double busy_s = 0) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", options);
  run.step_timeout_s = deadline_s;
  if (engine == Engine::kNetwork) run.after_step = [&](std::uint64_t) { run.pass(0, busy_s); };
  const RunEnd end = engine == Engine::kLocal ? run.over_local_engine() : run.over_network();
  EXPECT_EQ(end, RunEnd::kFinished);
  EXPECT_EQ(run.rejected_frames, 0U);
  Course found{.model = run.final_model(),
               .ledger = {},
               .byzantine = {},
               .metrics = run.journal("metrics.jsonl"),
               .seconds = run.seconds};
  for (const auto& line : run.journal("ledger.jsonl")) {
    const std::uint64_t step = line["step"];
    const std::size_t worker = line["worker"].get<std::size_t>() - 1;
    // Over a network nobody waits for the third of three, who may be an honest one.
    if (engine == Engine::kNetwork && line["kind"] == "late-agree" &&
        !run.byzantine(step, run.assignment(step))[worker])
      continue;
    found.ledger.emplace(line["step"], line["worker"], line["kind"]);
  }
  for (std::uint64_t step = 1; step <= found.metrics.size(); ++step) {
    const std::vector<bool> byzantine = run.byzantine(step, run.assignment(step));
    for (std::size_t worker = 0; worker < byzantine.size(); ++worker) {
      if (byzantine[worker]) found.byzantine.emplace(step, worker + 1, "missing");
    }
  }
  return found;
}

/// Those of whom it is known at the end of five steps that they are missing. Over a network a step
/// that did not wait for somebody waits two more for his answer.
Entries known(const Entries& entries, Engine engine) {
  Entries found;
  for (const auto& entry : entries) {
    if (engine == Engine::kLocal || std::get<0>(entry) <= 3) found.insert(entry);
  }
  return found;
}

std::string model_without_attack() {
  return course_of(Engine::kLocal, nine_workers({{"err-mode", "none"}}), kDeadline).model;
}

class LateWorkers : public testing::TestWithParam<Engine> {};

std::string engine_name(const testing::TestParamInfo<Engine>& engine) {
  return engine.param == Engine::kLocal ? "Local" : "Network";
}
INSTANTIATE_TEST_SUITE_P(OnBothEngines, LateWorkers,
                         testing::Values(Engine::kLocal, Engine::kNetwork), engine_name);

TEST_P(LateWorkers, AreNotMissedWhereTheyCrashAndAMajorityAnswers) {
  for (const char* schedule : {"per-step", "fixed", "worst-case"}) {
    const Course found = course_of(
        GetParam(), nine_workers({{"err-mode", "crash"}, {"fail-schedule", schedule}}), kNever);
    EXPECT_EQ(found.model, model_without_attack()) << schedule;
    EXPECT_EQ(found.byzantine.size(), 5U);
    EXPECT_EQ(found.ledger, known(found.byzantine, GetParam())) << schedule;
    EXPECT_LT(found.seconds, kNever);
  }
}

TEST_P(LateWorkers, AreNotMissedWhereTheyMissTheDeadlineAndAMajorityAnswers) {
  const bool is_local = GetParam() == Engine::kLocal;
  const Course found =
      course_of(GetParam(), nine_workers({{"err-mode", "straggler"}, {"adversarial", "0.5"}}),
                is_local ? kDeadline : kNever, 0.3);
  EXPECT_EQ(found.model, model_without_attack());
  std::size_t late = 0;
  Entries missing;
  for (const auto& entry : found.ledger) {
    if (std::get<2>(entry) == "missing") missing.insert(entry);
    if (std::get<2>(entry) == "late-agree") ++late;
  }
  EXPECT_EQ(missing.size() + late, found.ledger.size());
  if (is_local) {
    EXPECT_EQ(missing, found.byzantine);
    EXPECT_EQ(late, 4U);  // of the last step nothing comes any more
  } else {                // they come two steps later
    EXPECT_TRUE(missing.empty());
    EXPECT_EQ(late, 3U);
  }
}

TEST_P(LateWorkers, CountWithinTheDeadline) {
  const Course found = course_of(
      GetParam(), nine_workers({{"err-mode", "straggler"}, {"adversarial", "0.05"}}), kNever);
  EXPECT_EQ(found.model, model_without_attack());
  EXPECT_TRUE(GetParam() == Engine::kNetwork || found.ledger.empty());
  for (const auto& entry : found.ledger) EXPECT_NE(std::get<2>(entry), "late-outvoted");
}

TEST_P(LateWorkers, TakeASliceAlongWhereTheyAreItsMajorityAndTheStepGoesOnWithoutIt) {
  const Options options = nine_workers({{"workers", "27"},
                                        {"worker-fail", "4"},
                                        {"max-steps", "2"},
                                        {"err-mode", "crash"},
                                        {"fail-schedule", "worst-case"}});
  const Course found = course_of(GetParam(), options, 1.5);
  for (const auto& line : found.metrics) {
    EXPECT_EQ(line["resolved"], 7);
    EXPECT_EQ(line["corrupted"], 2);
    EXPECT_EQ(line["skipped"], false);
  }
  EXPECT_EQ(found.ledger, found.byzantine);
  EXPECT_EQ(found.model, course_of(Engine::kLocal, options, kDeadline).model);
}

TEST(LateWorkersInOneProcess, MissTheSameStepsWhereverTheRunIsResumedAndWhateverIsComputed) {
  // Later than a step's timeout, sooner than that of the first one.
  const Options options = nine_workers({{"workers", "9"},
                                        {"worker-fail", "2"},
                                        {"assume-fail", "1"},
                                        {"max-steps", "6"},
                                        {"err-mode", "straggler"},
                                        {"adversarial", "0.5"},
                                        {"fail-schedule", "worst-case"}});
  const MemoryDirectory directory;
  const auto run = [&](const std::string& name, const Options& given, std::uint64_t stop_after) {
    ToyRun toy(directory / name, given);
    toy.step_timeout_s = kDeadline;
    toy.start_timeout_s = 10;
    toy.stop_after = stop_after;
    toy.resume = name == "parts" && stop_after == 0;
    EXPECT_EQ(toy.over_local_engine(), stop_after > 0 ? RunEnd::kInterrupted : RunEnd::kFinished);
    return stop_after > 0 ? "" : toy.final_model();
  };
  const std::string whole = run("whole", options, 0);
  run("parts", options, 3);
  EXPECT_EQ(run("parts", options, 0), whole);
  Options every = options;
  every["compute-every-replica"] = "on";
  EXPECT_EQ(run("every", every, 0), whole);
  Options none = options;
  none["err-mode"] = "none";
  EXPECT_NE(run("none", none, 0), whole);
}

TEST(LateWorkersOverANetwork, AreNotWaitedForWhenTheRunEnds) {
  const Course found = course_of(
      Engine::kNetwork, nine_workers({{"err-mode", "straggler"}, {"adversarial", "1e6"}}), kNever);
  EXPECT_EQ(found.model, model_without_attack());
  EXPECT_EQ(found.ledger, known(found.byzantine, Engine::kNetwork));
  EXPECT_LT(found.seconds, kNever);
}

TEST(LateWorkersOverANetwork, CostNoDeadlineWhereTheyStayTheSame) {
  const Course found = course_of(Engine::kNetwork,
                                 nine_workers({{"err-mode", "straggler"},
                                               {"adversarial", "0.6"},
                                               {"fail-schedule", "fixed"},
                                               {"max-steps", "60"}}),
                                 kNever);
  EXPECT_EQ(found.byzantine.size(), 60U);
  EXPECT_LT(found.seconds, kNever);
}

/// A run of three workers, each slice on all of them, of which the second and the third stand still
/// for so long before they answer step 10.
RunEnd while_two_of_three_pause(ToyRun& run, double pause_s) {
  return run.over_network([&](int rank, Transport& transport) {
    if (rank == 1) return false;
    FaultyTransport slow(transport, {{"slow", 10, 10}},
                         std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * pause_s)),
                         [&](std::chrono::duration<double> time) { run.pass(rank, time.count()); });
    serve_as_worker(slow, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
    return true;
  });
}

TEST(AMajorityThatStandsStill, IsWaitedForOnceMoreBeforeTheRunEnds) {
  for (const double pause_s : {1.5 * kDeadline, 4 * kDeadline}) {
    const MemoryDirectory directory;
    ToyRun run(directory / "run", {{"workers", "3"}, {"batch-size", "4"}, {"max-steps", "60"}});
    run.step_timeout_s = kDeadline;
    if (pause_s < 2 * kDeadline) {
      EXPECT_EQ(while_two_of_three_pause(run, pause_s), RunEnd::kFinished);
    } else {
      EXPECT_THROW(while_two_of_three_pause(run, pause_s), UndefendedError);
    }
  }
}

}  // namespace
}  // namespace detox
