// What a run records of how long its workers took.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "record/latency_file.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"
#include "support/transport_around.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

const Options kTimed = {{"workers", "9"}, {"batch-size", "4"}, {"max-steps", "6"}};

struct LatencyOfStep {
  std::uint64_t step, attempt;
  std::vector<LatencyCode> codes;  ///< by worker
};

std::vector<LatencyOfStep> latencies(const std::filesystem::path& directory) {
  const RecordedLatency recorded(directory / "latency.bin");
  std::vector<LatencyOfStep> steps;
  for (const RecordedLatency::Step& step : recorded.steps()) {
    steps.push_back({step.step, step.attempt, std::vector<LatencyCode>(recorded.workers())});
    recorded.read(step, steps.back().codes);
  }
  return steps;
}

std::vector<std::uint64_t> numbers(const std::vector<LatencyOfStep>& steps) {
  std::vector<std::uint64_t> found;
  found.reserve(steps.size());
  for (const LatencyOfStep& step : steps) found.push_back(step.step);
  return found;
}

TEST(Latency, IsThereOfEachWorkerThatAnsweredOnBothEngines) {
  for (const bool is_local : {true, false}) {
    const MemoryDirectory directory;
    ToyRun run(directory / "run", with(kTimed, {{"absent", "2:3-4"}}));
    is_local ? run.over_local_engine() : run.over_network();
    const auto steps = latencies(directory / "run");
    ASSERT_THAT(numbers(steps), ElementsAre(1, 2, 3, 4, 5, 6));
    for (const LatencyOfStep& step : steps) {
      ASSERT_THAT(step.codes, SizeIs(9));
      for (std::size_t worker = 0; worker < 9; ++worker) {
        const bool is_absent = worker == 1 && (step.step == 3 || step.step == 4);
        EXPECT_EQ(step.codes[worker] == kNotOrdered, is_absent) << step.step;
        EXPECT_TRUE(is_absent || step.codes[worker] > kNotAnswered) << step.step;
      }
    }
  }
}

TEST(Latency, TellsWhoHasNotAnsweredFromWhoWasNotAsked) {
  const MemoryDirectory directory;
  const Options crash = {{"worker-fail", "2"}, {"err-mode", "crash"}, {"fail-schedule", "fixed"},
                         {"assume-fail", "2"}, {"workers", "15"},     {"group-size", "5"}};
  ToyRun run(directory / "run", with(kTimed, crash));
  run.over_local_engine();
  for (const LatencyOfStep& step : latencies(directory / "run")) {
    EXPECT_EQ(std::ranges::count(step.codes, kNotAnswered), 2) << step.step;
    EXPECT_EQ(std::ranges::count(step.codes, kNotOrdered), 0) << step.step;
  }
}

/// A worker's end of the network that holds its answers back for a while.
class SlowTransport final : public TransportAround {
 public:
  SlowTransport(Transport& inner, std::function<void()> pass)
      : TransportAround(inner), pass_(std::move(pass)) {}
  void send(int to, FrameBytes frame) override {
    if (parse_frame(*frame).kind == FrameKind::kDigest) pass_();
    inner_.send(to, std::move(frame));
  }

 private:
  std::function<void()> pass_;
};

TEST(Latency, IsThatOfWhoAnswersWhenItsStepIsOver) {
  constexpr int kSlow = 4;
  constexpr double kSlowSeconds = 0.5;
  const MemoryDirectory directory;
  ToyRun run(directory / "run", with(kTimed, {{"assume-fail", "1"}, {"max-steps", "12"}}));
  run.after_step = [&](std::uint64_t) { run.pass(0, 0.3); };  // so that it comes within two steps
  run.over_network([&](int rank, Transport& transport) {
    if (rank != kSlow) return false;
    SlowTransport slow(transport, [&] { run.pass(kSlow, kSlowSeconds); });
    serve_as_worker(slow, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
    return true;
  });
  const auto steps = latencies(directory / "run");
  ASSERT_THAT(steps, SizeIs(12));
  std::size_t heard = 0, late = 0;
  for (const auto& line : run.journal("ledger.jsonl")) {
    late += line["worker"] == kSlow && line["kind"] == "late-agree" ? 1U : 0U;
  }
  EXPECT_GT(late, 0U);
  for (const LatencyOfStep& step : steps) {
    const LatencyCode code = step.codes[kSlow - 1];
    if (code < kLeastTime) continue;
    EXPECT_GT(latency_seconds(code), 0.99 * kSlowSeconds) << step.step;
    for (std::size_t worker = 0; worker < 9; ++worker) {
      EXPECT_TRUE(worker == kSlow - 1 || latency_seconds(step.codes[worker]) < kSlowSeconds);
    }
    ++heard;
  }
  EXPECT_GE(heard, late);
}

TEST(Latency, GoesOnWhereARunIsResumed) {
  const MemoryDirectory directory;
  const Options options = with(kTimed, {{"eval-freq", "2"}});
  ToyRun first(directory / "run", options);
  first.stop_after = 3;
  first.over_local_engine();
  std::filesystem::remove(directory / "run" / "model_step_3");  // steps after 2 are taken again
  std::filesystem::remove(directory / "run" / "state_step_3");
  ToyRun second(directory / "run", options);
  second.resume = true;
  second.over_local_engine();
  EXPECT_THAT(numbers(latencies(directory / "run")), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Latency, HasTheStepsThatStandOfARunThatWentBack) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", {{"approach", "audit"},
                                 {"workers", "11"},
                                 {"batch-size", "4"},
                                 {"max-steps", "24"},
                                 {"eval-freq", "5"},
                                 {"audit-rate", "0.3"},
                                 {"assume-fail", "2"},
                                 {"worker-fail", "2"},
                                 {"heal", "on"},
                                 {"err-mode", "rev_grad"}});
  run.over_local_engine();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> expected, found;
  std::uint64_t backs = 0;
  for (const auto& line : run.journal("metrics.jsonl")) {
    const bool goes_back = line.contains("back_from");
    backs += goes_back ? 1 : 0;
    while (goes_back && !expected.empty() && expected.back().first > line["step"])
      expected.pop_back();
    if (!goes_back) expected.emplace_back(line["step"], line.value("attempt", std::uint64_t{0}));
  }
  ASSERT_GT(backs, 0U);
  for (const LatencyOfStep& step : latencies(directory / "run"))
    found.emplace_back(step.step, step.attempt);
  EXPECT_EQ(found, expected);
}

TEST(Latency, IsThatOfTheRepetitionWhereARunIsReplayed) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kTimed);
  run.over_network();
  ToyRun replayed(directory / "replayed", with(kTimed, {{"replay", (directory / "run").string()}}));
  replayed.over_local_engine();
  EXPECT_THAT(numbers(latencies(directory / "replayed")), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Latency, IsLostWithoutHarmWhereItsFileIsDamaged) {
  const MemoryDirectory directory;
  ToyRun first(directory / "run", with(kTimed, {{"eval-freq", "2"}}));
  first.stop_after = 2;
  first.over_local_engine();
  std::ofstream(directory / "run" / "latency.bin") << "nonsense";
  ToyRun second(directory / "run", with(kTimed, {{"eval-freq", "2"}}));
  second.resume = true;
  EXPECT_EQ(second.over_local_engine(), RunEnd::kFinished);
  EXPECT_THAT(numbers(latencies(directory / "run")), ElementsAre(3, 4, 5, 6));
}

}  // namespace
}  // namespace detox
