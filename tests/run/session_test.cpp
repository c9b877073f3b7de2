// Whole runs through the door that users come by.
#include "run/session.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "detox/errors.hpp"
#include "record/run_directory.hpp"
#include "stages/attack/fail_schedule.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

const Options kTwoLiars = {
    {"workers", "9"}, {"worker-fail", "2"}, {"batch-size", "4"}, {"max-steps", "6"}};

std::set<std::uint32_t> attackers_of(const nlohmann::json& line) {
  std::set<std::uint32_t> workers;
  for (const auto& worker : line["attackers"]) workers.insert(worker.get<std::uint32_t>() - 1);
  return workers;
}

TEST(Session, RecordsWhoWasMadeToLieInEachStepOnceAlsoWhereItIsResumed) {
  const MemoryDirectory directory;
  const Options options = with(kTwoLiars, {{"eval-freq", "2"}});
  ToyRun first(directory / "run", options);
  first.stop_after = 3;
  first.over_local_engine();
  std::filesystem::remove(directory / "run" / "model_step_3");  // steps after 2 are taken again
  std::filesystem::remove(directory / "run" / "state_step_3");
  ToyRun second(directory / "run", options);
  second.resume = true;
  second.over_local_engine();
  const auto lines = second.journal("attackers.jsonl");
  ASSERT_EQ(lines.size(), 6U);
  for (std::uint64_t step = 1; step <= 6; ++step) {
    const auto& line = lines[step - 1];
    const Assignment assignment = second.assignment(step);
    const std::vector<bool> lies = second.byzantine(step, assignment);
    EXPECT_EQ(line["step"], step);
    EXPECT_EQ(line["owned"], owned_slices(assignment, lies));
    for (std::uint32_t worker = 0; worker < 9; ++worker)
      EXPECT_EQ(attackers_of(line).contains(worker), lies[worker]) << worker;
  }
}

TEST(Session, EndsARunThatWasKilledBehindItsLastCheckpointAndRefusesOneThatHasEnded) {
  const MemoryDirectory directory;
  const std::filesystem::path folder = directory / "run";
  const auto resume = [&] {
    ToyRun again(folder, kTwoLiars);
    again.resume = true;
    again.over_local_engine();
    return again.journal("metrics.jsonl").size();
  };
  ToyRun(folder, kTwoLiars).over_local_engine();
  for (const RunState state : {RunState::kRunning, RunState::kFailed}) {
    RunDirectory::open_for_resume(folder).write_status({.state = state, .step = 6});
    EXPECT_EQ(resume(), 6U);
    EXPECT_EQ(read_status(folder)->state, RunState::kFinished);
  }
  EXPECT_THROW(resume(), UsageError);
}

TEST(Session, LeavesWhoIsAbsentOutOfThoseWhoLie) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run",
             with(kTwoLiars, {{"fail-schedule", "fixed"}, {"absent", "1:1,2:1,3:1,4:1,5:1"}}));
  run.over_local_engine();
  const auto lines = run.journal("attackers.jsonl");
  const std::set<std::uint32_t> liars = attackers_of(lines[1]);
  EXPECT_EQ(liars.size(), 2U);
  for (const std::uint32_t worker : attackers_of(lines[0])) {
    EXPECT_GE(worker, 5U);
    EXPECT_TRUE(liars.contains(worker));
  }
}

TEST(Session, OfARunWithoutLiarsHasNoFileOfThem) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", with(kTwoLiars, {{"worker-fail", "0"}}));
  run.over_local_engine();
  EXPECT_FALSE(std::filesystem::exists(directory / "run" / "attackers.jsonl"));
}

/// What is heard of a run while nothing is trained.
class Course final : public RunObserver {
 public:
  void on_set_up(const TrainSetup& setup) override { k = setup.plan.k; }
  void on_step(const StepReport& report) override { steps.push_back(report.step); }
  void on_steps_end(const TrainSetup&, const Training& training, const Adversary&,
                    const Fleet&) override {
    last = training.last_step();
  }
  void on_end(const TrainSetup&, RunEnd how) override { end = how; }
  std::size_t k = 0;
  std::vector<std::uint64_t> steps;
  std::uint64_t last = 0;
  RunEnd end = RunEnd::kInterrupted;
};

TEST(Session, TellsItsObserverWhatHappens) {
  const MemoryDirectory directory;
  const std::atomic<bool> never{false};
  const Environment environment{
      .load_data = [](const RunConfig&, Split) { return std::make_unique<ToyData>(100); },
      .resolve_network = [](std::string_view name) { return std::string(name); },
      .choose_dataset = choose_toy_data,
      .make_learner = [](std::string_view, ImageShape,
                         std::size_t) { return std::make_unique<ToyLearner>(); },
      .stop = never};
  Course course;
  RunConfig config;
  config.workers = 9;
  config.batch_size = 4;
  config.max_steps = 3;
  config.train_dir = directory / "run";
  Session session({config, {}}, environment, course);
  EXPECT_EQ(course.k, 3U);
  EXPECT_FALSE(std::filesystem::exists(directory / "run"));
  EXPECT_EQ(session.train_locally(), RunEnd::kFinished);
  EXPECT_EQ(course.steps, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(course.last, 3U);
  EXPECT_EQ(course.end, RunEnd::kFinished);
  EXPECT_EQ(session.model().parameters.size(), 15U);
}

}  // namespace
}  // namespace detox
