// What each worker was seen doing, of runs made by hand.
#include "review/worker_history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

void write_file(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

RunMetrics steps_up_to(std::uint64_t last) {
  RunMetrics metrics;
  for (std::uint64_t step = 1; step <= last; ++step) metrics.steps.emplace_back().step = step;
  return metrics;
}

std::vector<std::uint32_t> row(const WorkerHistory& history, Seen kind, std::size_t worker) {
  std::vector<std::uint32_t> counts;
  for (std::size_t column = 0; column < history.columns.count(); ++column)
    counts.push_back(history.count(kind, worker, column));
  return counts;
}

TEST(StepColumns, HoldEachStepOnce) {
  for (const std::uint64_t last : {1U, 2U, 9U, 10U, 11U, 100U, 101U}) {
    const StepColumns columns(1, last, 10);
    EXPECT_LE(columns.count(), 10U);
    const std::vector<std::uint64_t> ends = columns.ends();
    ASSERT_EQ(ends.size(), columns.count());
    EXPECT_EQ(ends.back(), last);
    for (std::uint64_t step = 1; step <= last; ++step) {
      EXPECT_LE(step, ends[columns.of(step)]);
      const std::size_t column = columns.of(step);
      EXPECT_GT(step, column > 0 ? ends[column - 1] : 0);
    }
  }
  EXPECT_EQ(StepColumns().count(), 0U);
}

TEST(WorkerHistory, CountsAStepOnceHoweverMuchTheLedgerHoldsOfIt) {
  const TemporaryDirectory folder;
  write_file(folder / "ledger.jsonl",
             R"({"accusation":true,"kind":"bad-chunk","slice":0,"step":1,"worker":2}
{"accusation":true,"kind":"outvoted","slice":0,"step":1,"worker":2}
{"accusation":true,"kind":"outvoted","slice":0,"step":3,"worker":2}
{"accusation":false,"kind":"late-outvoted","slice":1,"step":1,"worker":2}
{"accusation":false,"kind":"missing","slice":1,"step":2,"worker":3}
{"accusation":false,"kind":"late-agree","slice":1,"step":2,"worker":3}
{"accusation":false,"kind":"bad-relay","slice":1,"step":4,"worker":3}
)");
  const WorkerHistory history = read_worker_history(folder.path(), 3, steps_up_to(4), 2);
  EXPECT_EQ(history.columns.width(), 2U);
  EXPECT_THAT(row(history, Seen::kAccused, 1), ElementsAre(1, 1));
  EXPECT_THAT(row(history, Seen::kMissing, 1), ElementsAre(1, 0)) << "it came late";
  EXPECT_THAT(row(history, Seen::kMissing, 2), ElementsAre(1, 0));
  EXPECT_EQ(history.workers[1].of(Seen::kAccused), 2U);
  EXPECT_EQ(history.workers[1].late, 1U);
  EXPECT_EQ(history.workers[2].missing, 1U);
  EXPECT_EQ(history.workers[2].other, 1U);
  EXPECT_EQ(history.workers[2].last_seen, 2U) << "it came late";
  EXPECT_EQ(history.workers[0].last_seen, 0U);
  EXPECT_FALSE(history.has_rounds);
  EXPECT_FALSE(history.has_truth);
}

TEST(WorkerHistory, KnowsWhoseAnswersCounted) {
  const TemporaryDirectory folder;
  write_file(
      folder / "rounds.jsonl",
      R"({"away":[3],"put_out":0,"skipped":false,"slices":[{"assigned":[1,2],"counted":[1,2],"slice":0,"used":true}],"step":1}
{"away":[],"put_out":0,"skipped":false,"slices":[{"assigned":[1],"counted":[],"slice":0,"used":false}],"step":2}
)");
  const WorkerHistory history = read_worker_history(folder.path(), 3, steps_up_to(2), 10);
  EXPECT_EQ(history.workers[0].given, 2U);
  EXPECT_EQ(history.workers[0].answers, 1U);
  EXPECT_EQ(history.workers[0].last_seen, 1U);
  EXPECT_EQ(history.workers[1].given, 1U);
  EXPECT_THAT(row(history, Seen::kAway, 2), ElementsAre(1, 0));
}

TEST(WorkerHistory, KnowsWhomTheRuleLeftOut) {
  const TemporaryDirectory folder;
  write_file(
      folder / "rounds.jsonl",
      R"({"rejected":[1],"skipped":false,"slices":[{"assigned":[1],"counted":[1],"slice":0,"used":true},{"assigned":[2],"counted":[2],"slice":1,"used":true}],"step":1}
{"skipped":false,"slices":[{"assigned":[2],"counted":[2],"slice":0,"used":true},{"assigned":[1],"counted":[1],"slice":1,"used":true}],"step":2}
)");
  const WorkerHistory history = read_worker_history(folder.path(), 2, steps_up_to(2), 10);
  EXPECT_THAT(row(history, Seen::kRejected, 1), ElementsAre(1, 0));
  EXPECT_EQ(history.workers[0].of(Seen::kRejected), 0U);
  EXPECT_EQ(history.workers[1].left_out, 1U);
  EXPECT_EQ(history.workers[1].used, 2U);
}

TEST(WorkerHistory, LooksAtSomeLinesOfALargeFileAndAtItsLast) {
  const TemporaryDirectory folder;
  std::string lines;
  for (int step = 1; step <= 100000; ++step) {
    lines +=
        R"({"skipped":false,"slices":[{"assigned":[1],"counted":[1],"slice":0,"used":true}],"step":)" +
        std::to_string(step) + "}\n";
  }
  write_file(folder / "rounds.jsonl", lines);
  const WorkerHistory history =
      read_worker_history(folder.path(), 1, steps_up_to(100000), 10, {}, lines.size() / 3);
  EXPECT_EQ(history.rounds_stride, 4U);
  EXPECT_EQ(history.workers[0].given, 25000U);
  EXPECT_EQ(history.workers[0].answers, 25000U);
  EXPECT_EQ(history.workers[0].last_seen, 100000U);
}

TEST(WorkerHistory, HoldsTheStepsThatStandWhereARunWentBack) {
  const TemporaryDirectory folder;
  RunMetrics metrics = steps_up_to(4);
  metrics.backs = {{.attempt = 1, .from = 3, .to = 1}, {.attempt = 2, .from = 4, .to = 3}};
  write_file(folder / "ledger.jsonl",
             R"({"accusation":true,"kind":"outvoted","slice":0,"step":1,"worker":1}
{"accusation":true,"kind":"outvoted","slice":0,"step":2,"worker":1}
{"accusation":true,"kind":"convicted","slice":0,"step":3,"worker":2}
{"accusation":true,"attempt":1,"kind":"outvoted","slice":0,"step":2,"worker":3}
{"accusation":true,"attempt":1,"kind":"outvoted","slice":0,"step":4,"worker":3}
{"accusation":true,"attempt":2,"kind":"outvoted","slice":0,"step":4,"worker":1}
)");
  write_file(folder / "attackers.jsonl", R"({"attackers":[1,3],"owned":[],"step":1}
{"attackers":[1],"owned":[],"step":2}
{"attackers":[3],"attempt":1,"owned":[],"step":2}
{"attackers":[3],"attempt":1,"owned":[],"step":3}
{"attackers":[3],"attempt":2,"owned":[],"step":4}
)");
  const WorkerHistory history = read_worker_history(folder.path(), 3, metrics, 10);
  EXPECT_THAT(row(history, Seen::kAccused, 0), ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(row(history, Seen::kAccused, 2), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(row(history, Seen::kConvicted, 1), ElementsAre(0, 0, 1, 0)) << "it stays convicted";
  EXPECT_THAT(row(history, Seen::kAccused, 1), ElementsAre(0, 0, 1, 0));
  EXPECT_EQ(history.workers[1].convicted_in, 3U);
  EXPECT_THAT(row(history, Seen::kLied, 0), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(row(history, Seen::kLied, 2), ElementsAre(1, 1, 1, 1));
  EXPECT_TRUE(history.workers[0].ever_lied);
  EXPECT_FALSE(history.workers[1].ever_lied);
}

TEST(WorkerHistory, TakesTheTruthThatIsGivenWhereNoFileHasIt) {
  const TemporaryDirectory folder;
  std::vector<RecordedLies> truth(1);
  truth[0].round = 2;
  truth[0].lies.attackers = {1};
  EXPECT_THAT(row(read_worker_history(folder.path(), 3, steps_up_to(2), 10, truth), Seen::kLied, 1),
              ElementsAre(0, 1));
  write_file(folder / "attackers.jsonl", "{\"attackers\":[1],\"owned\":[],\"step\":1}\n");
  EXPECT_THAT(row(read_worker_history(folder.path(), 3, steps_up_to(2), 10, truth), Seen::kLied, 1),
              ElementsAre(0, 0));
}

TEST(WorkerHistory, RefusesDamagedFilesInALine) {
  const std::vector<std::pair<std::string, std::string>> damaged = {
      {"ledger.jsonl", R"({"kind":"outvoted","slice":0,"step":1,"worker":4})"},
      {"ledger.jsonl", R"({"kind":"outvoted")"},
      {"attackers.jsonl", R"({"attackers":[0],"owned":[],"step":1})"},
      {"rounds.jsonl", R"({"slices":[{"assigned":[4],"counted":[]}],"step":1})"},
      {"rounds.jsonl", R"({"slices":[{"assigned":[1e30],"counted":[]}],"step":1})"},
      {"rounds.jsonl", R"({"slices":[{"assigned":[1]}],"step":1})"},
      {"rounds.jsonl", R"({"slices":7,"step":1})"},
      {"rounds.jsonl", R"({"step":1})"},
      {"rounds.jsonl", "no JSON"},
  };
  for (const auto& [name, line] : damaged) {
    const TemporaryDirectory folder;
    write_file(folder / name, line + "\n");
    try {
      read_worker_history(folder.path(), 3, steps_up_to(2), 10);
      ADD_FAILURE() << name << ": " << line;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(name + ":1: "));
    }
  }
}

TEST(WorkerHistory, PassesOverALineThatIsBeingWritten) {
  const TemporaryDirectory folder;
  write_file(
      folder / "ledger.jsonl",
      "{\"accusation\":true,\"kind\":\"outvoted\",\"slice\":0,\"step\":1,\"worker\":1}\n{\"acc");
  EXPECT_EQ(read_worker_history(folder.path(), 3, steps_up_to(2), 10).workers[0].of(Seen::kAccused),
            1U);
}

}  // namespace
}  // namespace detox
