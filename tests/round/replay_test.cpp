// A run that is repeated from its record gives the same bytes, whatever disturbed it.
#include "round/replay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "detox/errors.hpp"
#include "support/odd_worker.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;
using Options = std::map<std::string, std::string>;
using testing::HasSubstr;

class ReplayTest : public testing::Test {
 protected:
  std::filesystem::path recorded() const { return folder_ / "recorded"; }

  /// The options of a run that repeats the recorded one.
  Options replaying(Options options) const {
    options["replay"] = recorded().string();
    options["max-skipped"] = "1000000";
    options.erase("absent");
    return options;
  }

  /// Repeats the run, and expects all its checkpoints and its record byte for byte.
  void expect_same(const Options& options, std::size_t threads = 2) {
    const auto folder = folder_ / ("replayed " + std::to_string(++replays_));
    ToyRun run(folder, replaying(options));
    run.threads = threads;
    run.step_timeout_s = 0.1;
    EXPECT_EQ(run.over_local_engine(), RunEnd::kFinished);
    const ToyRun original(recorded(), options);
    const auto steps = list_checkpoints(recorded());
    EXPECT_FALSE(steps.empty());
    EXPECT_EQ(list_checkpoints(folder), steps);
    for (const std::uint64_t step : steps) {
      for (const char* kind : {"model_step_", "state_step_"}) {
        const std::string name = kind + std::to_string(step);
        EXPECT_EQ(run.file(name), original.file(name)) << name;
      }
    }
    EXPECT_EQ(run.journal("rounds.jsonl"), original.journal("rounds.jsonl"));
  }

  /// Changes the recorded line of a step.
  void change(std::uint64_t step, const std::function<void(Json&)>& edit) {
    std::vector<Json> lines = ToyRun(recorded(), {}).journal("rounds.jsonl");
    edit(lines[step - 1]);
    std::ofstream stream(recorded() / "rounds.jsonl");
    for (const Json& line : lines) stream << line.dump() << "\n";
  }

  std::string refusal_of_replay(const Options& options) {
    ToyRun run(folder_ / ("refused " + std::to_string(++replays_)), replaying(options));
    try {
      run.over_local_engine();
      return {};
    } catch (const Error& error) {
      return error.what();
    }
  }

  MemoryDirectory folder_;
  std::size_t replays_ = 0;
};

const Options kRecorded = {
    {"workers", "21"},   {"worker-fail", "4"}, {"lis-simulation", "simulate"}, {"batch-size", "4"},
    {"max-steps", "12"}, {"eval-freq", "5"},   {"fail-schedule", "worst-case"}};

Options with(Options options, const Options& more) {
  for (const auto& [name, value] : more) options[name] = value;
  return options;
}

TEST_F(ReplayTest, GivesTheSameBytesWhereWorkersWereLeftOut) {
  const Options options = with(kRecorded, {{"absent", "3:2-9,8:5,1:6-8,2:6-8"}});
  ToyRun(recorded(), options).over_local_engine();
  expect_same(options, 1);
  expect_same(with(options, {{"compute-every-replica", "on"}}));
}

TEST_F(ReplayTest, SkipsTheStepsThatWereSkipped) {
  const Options options = {{"workers", "9"},         {"placement", "fixed"}, {"assume-fail", "2"},
                           {"batch-size", "4"},      {"max-steps", "12"},    {"eval-freq", "3"},
                           {"absent", "1:5-7,2:5-7"}};
  ToyRun run(recorded(), options);
  run.over_local_engine();
  const Json skipped = run.journal("rounds.jsonl")[5];
  EXPECT_TRUE(skipped["skipped"]);
  for (const Json& slice : skipped["slices"]) EXPECT_FALSE(slice["used"]);
  expect_same(options);
}

/// Records a run over a network with the frames of these workers as `change` has them.
void record_with(ToyRun& run, const std::set<int>& odd,
                 const std::function<FrameBytes(int rank, const FrameView&, FrameBytes)>& change) {
  run.over_network([&](int rank, Transport& transport) {
    if (!odd.contains(rank)) return false;
    AlteredTransport end(transport, [&](Transport& inner, int to, FrameBytes frame) {
      frame = change(rank, parse_frame(*frame), frame);
      if (frame) inner.send(to, std::move(frame));
    });
    serve_as_worker(end, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
    return true;
  });
}

TEST_F(ReplayTest, GivesTheSameBytesWhereWorkersWereSilentOrWrongAndSlicesWereLost) {
  ToyRun run(recorded(), kRecorded);
  run.step_timeout_s = 0.3;
  record_with(run, {2, 5, 11, 12}, [](int rank, const FrameView& sent, FrameBytes frame) {
    if (sent.kind != FrameKind::kDigest || sent.step % 3 == 1) return frame;
    if (sent.step % 3 == 0) return FrameBytes();
    return claim(sent.step, sent.slice, toy_bytes(rank));
  });
  std::size_t lost = 0;
  for (const Json& line : run.journal("metrics.jsonl"))
    lost += line["unresolved"].get<std::size_t>();
  EXPECT_GT(lost, 0U);
  expect_same(kRecorded);
}

TEST_F(ReplayTest, GivesTheSameBytesWhetherStragglersCameInTimeOrNot) {
  for (const bool in_time : {true, false}) {
    const Options options = with(kRecorded, {{"lis-simulation", "none"},
                                             {"err-mode", "straggler"},
                                             {"adversarial", in_time ? "0.2" : "1e6"},
                                             {"max-steps", "5"}});
    ToyRun run(recorded(), options);
    if (!in_time) run.step_timeout_s = 0.4;
    run.over_network();
    for (const Json& line : run.journal("metrics.jsonl"))
      EXPECT_EQ(line["unresolved"] > 0, !in_time) << line;
    expect_same(options);
    std::filesystem::remove_all(recorded());
  }
}

TEST_F(ReplayTest, UsesTheSlicesThatCameFirstThen) {
  const Options options = {{"approach", "baseline"}, {"mode", "normal"},     {"workers", "4"},
                           {"num-aggregate", "2"},   {"batch-size", "4"},    {"max-steps", "8"},
                           {"assume-fail", "0"},     {"placement", "fixed"}, {"eval-freq", "2"}};
  ToyRun run(recorded(), options);
  // Two of them are slow in one step, the other two in the next.
  run.after_step = [&](std::uint64_t) { run.pass(0, 0.1); };
  record_with(run, {1, 2, 3, 4}, [&](int rank, const FrameView& sent, FrameBytes frame) {
    const bool is_slow = (static_cast<std::uint64_t>(rank) + sent.step) % 2 == 0;
    if (is_slow && sent.kind == FrameKind::kChunk && sent.detail == 0) run.pass(rank, 0.06);
    return frame;
  });
  for (const Json& line : run.journal("rounds.jsonl")) {
    const std::uint64_t step = line["step"];
    for (std::uint64_t slice = 0; slice < 4; ++slice)
      EXPECT_EQ(line["slices"][slice]["used"], (slice + 1 + step) % 2 != 0) << line;
  }
  ToyRun local(folder_ / "local", options);
  local.over_local_engine();
  EXPECT_NE(local.final_model(), run.final_model());
  expect_same(options);
}

TEST_F(ReplayTest, GivesTheSameRecordOfWhatARuleRejected) {
  const Options options = {{"approach", "baseline"},   {"mode", "multi-krum"},
                           {"workers", "9"},           {"batch-size", "4"},
                           {"worker-fail", "2"},       {"err-mode", "rev_grad"},
                           {"fail-schedule", "fixed"}, {"max-steps", "8"}};
  ToyRun run(recorded(), options);
  run.over_network();
  for (const Json& line : run.journal("rounds.jsonl")) {
    const std::uint64_t step = line["step"];
    const std::vector<bool> lies = run.byzantine(step, run.assignment(step));
    const std::vector<std::uint32_t> rejected = line["rejected"];
    EXPECT_EQ(rejected.size(), 2U + 2) << "all but the m = n - f - 2 best";
    for (const Json& slice : line["slices"]) {
      const std::uint32_t worker = slice["assigned"][0].get<std::uint32_t>() - 1;
      if (lies[worker]) {
        EXPECT_TRUE(std::ranges::binary_search(rejected, slice["slice"].get<std::uint32_t>()));
      }
    }
  }
  expect_same(options);
}

TEST_F(ReplayTest, SaysNothingOfRejectionWhereARuleGoesByColumnsOrRowsAreBuckets) {
  for (const Options& more :
       {Options{{"mode", "coord-median"}}, Options{{"mode", "multi-krum"}, {"buckets", "7"}}}) {
    ToyRun run(
        folder_ / more.begin()->second,
        with({{"approach", "baseline"}, {"workers", "9"}, {"batch-size", "4"}, {"max-steps", "2"}},
             with(more, {{"worker-fail", "1"}})));
    run.over_local_engine();
    for (const Json& line : run.journal("rounds.jsonl")) EXPECT_FALSE(line.contains("rejected"));
  }
}

TEST_F(ReplayTest, RepeatsARunThatWasInterruptedAndResumed) {
  ToyRun first(recorded(), kRecorded);
  first.stop_after = 7;
  first.over_local_engine();
  ToyRun second(recorded(), kRecorded);
  second.resume = true;
  second.over_local_engine();
  std::filesystem::remove(recorded() / "model_step_7");
  std::filesystem::remove(recorded() / "state_step_7");
  expect_same(kRecorded);
}

TEST_F(ReplayTest, CanBeInterruptedAndResumedItself) {
  const Options options = with(kRecorded, {{"absent", "3:2-9,8:5,1:6-8,2:6-8"}});
  ToyRun original(recorded(), options);
  original.over_local_engine();
  ToyRun first(folder_ / "parts", replaying(options));
  first.stop_after = 6;
  first.over_local_engine();
  ToyRun second(folder_ / "parts", replaying(options));
  second.resume = true;
  second.over_local_engine();
  EXPECT_EQ(second.final_model(), original.final_model());
  EXPECT_EQ(second.final_state(), original.final_state());
  EXPECT_EQ(second.journal("rounds.jsonl"), original.journal("rounds.jsonl"));
}

const Options kFixed = {{"workers", "9"},          {"placement", "fixed"}, {"assume-fail", "2"},
                        {"batch-size", "4"},       {"max-steps", "4"},     {"worker-fail", "1"},
                        {"fail-schedule", "fixed"}};

TEST_F(ReplayTest, EndsWhereThoseWhoAgreedThenDisagree) {
  ToyRun run(recorded(), kFixed);
  run.over_local_engine();
  const std::vector<bool> byzantine = run.byzantine(1, run.assignment(1));
  const auto liar =
      static_cast<std::size_t>(std::ranges::find(byzantine, true) - byzantine.begin());
  const std::size_t slice = liar / 3;
  const std::string where = "rounds.jsonl: step 3, slice " + std::to_string(slice);
  const Json assigned = run.journal("rounds.jsonl")[2]["slices"][slice]["assigned"];
  // All three, though one lies: a majority is there, but not that one.
  change(3, [&](Json& line) { line["slices"][slice]["counted"] = assigned; });
  EXPECT_THAT(refusal_of_replay(kFixed), HasSubstr(where));
  // The liar and one other: no majority at all.
  change(3, [&](Json& line) {
    line["slices"][slice]["counted"] = {liar + 1, liar % 3 == 0 ? liar + 2 : liar};
  });
  const std::string none = refusal_of_replay(kFixed);
  EXPECT_THAT(none, HasSubstr(where));
  EXPECT_THAT(none, HasSubstr("nobody here"));
}

TEST_F(ReplayTest, EndsWhereAStepIsSkippedInOneOfTheTwoAlone) {
  ToyRun(recorded(), kFixed).over_local_engine();
  change(2, [](Json& line) {
    line["skipped"] = true;
    for (Json& slice : line["slices"]) slice["used"] = false;
  });
  EXPECT_THAT(refusal_of_replay(kFixed), HasSubstr("step 2 was skipped there, but here it can be"));
  change(2, [](Json& line) {
    line["skipped"] = false;
    line["slices"][0]["used"] = true;
  });
  EXPECT_THAT(refusal_of_replay(kFixed),
              HasSubstr("step 2 was taken there, but here it cannot be defended: coord-median"));
}

TEST_F(ReplayTest, EndsWhereSlicesWereAssignedToOthers) {
  ToyRun(recorded(), kFixed).over_local_engine();
  EXPECT_THAT(refusal_of_replay(with(kFixed, {{"placement", "random"}})),
              HasSubstr("placement: random here, fixed there"));
  change(1, [](Json& line) {
    for (const char* list : {"assigned", "counted"}) {
      line["slices"][0][list] = {1, 2, 4};
      line["slices"][1][list] = {3, 5, 6};
    }
  });
  EXPECT_THAT(refusal_of_replay(kFixed),
              HasSubstr("step 1, slice 0: assigned to workers 1 2 4 there, to workers 1 2 3 here"));
}

TEST_F(ReplayTest, EndsWithTheRecord) {
  ToyRun(recorded(), kFixed).over_local_engine();
  ToyRun longer(folder_ / "longer", replaying(with(kFixed, {{"max-steps", "5"}})));
  EXPECT_EQ(longer.over_local_engine(), RunEnd::kFinished);
  EXPECT_EQ(list_checkpoints(folder_ / "longer").back(), 4U);
  std::filesystem::remove(recorded() / "rounds.jsonl");
  EXPECT_THAT(refusal_of_replay(kFixed), HasSubstr("rounds.jsonl"));
}

}  // namespace
}  // namespace detox
