// A run in numbers: of runs made by hand, and of real ones.
#include "review/run_summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "config/options.hpp"
#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

/// Three steps of 9 workers, of which 2 and 5 are made to lie.
void make_run(const TemporaryDirectory& folder, const Options& options = {}) {
  RunConfig config;
  for (const auto& [name, value] :
       with({{"workers", "9"}, {"worker-fail", "2"}, {"fail-schedule", "fixed"}}, options))
    set_option(find_option(name), value, config);
  write(folder / "config.toml", to_toml(resolve(config, 0), ""));
  write(folder / "run.json", R"({"message":"","status":"finished","step":3})");
  write(
      folder / "metrics.jsonl",
      R"({"step":1,"loss":3,"accuracy":0.1,"resolved":3,"unresolved":0,"computed":9,"corrupted":1,"seconds":{"vote":1,"total":9}}
{"step":2,"loss":2,"accuracy":0.2,"resolved":2,"unresolved":1,"computed":9,"corrupted":0,"seconds":{"vote":3,"total":5}}
{"step":3,"loss":null,"accuracy":null,"resolved":0,"unresolved":3,"computed":9,"corrupted":0,"skipped":true,"seconds":{"vote":2,"total":6}}
)");
  write(folder / "attackers.jsonl", R"({"attackers":[2,5],"owned":[],"step":1}
{"attackers":[2],"owned":[1],"step":2}
{"attackers":[],"owned":[],"step":3}
)");
  write(folder / "ledger.jsonl",
        R"({"accusation":true,"kind":"bad-chunk","slice":0,"step":1,"worker":2}
{"accusation":true,"kind":"outvoted","slice":0,"step":1,"worker":2}
{"accusation":false,"kind":"missing","slice":1,"step":1,"worker":7}
{"accusation":false,"kind":"late-outvoted","slice":1,"step":3,"worker":7}
{"accusation":true,"kind":"outvoted","slice":1,"step":9,"worker":7}
)");
  write(folder / "evaluation.jsonl", R"({"step":1,"loss":2.5,"prec1":30,"prec5":70}
{"step":2,"loss":1.5,"prec1":50,"prec5":80}
{"step":3,"loss":1.75,"prec1":40,"prec5":90}
)");
}

TEST(RunSummary, CountsWhatAHandMadeRunHolds) {
  const TemporaryDirectory folder;
  make_run(folder);
  const RunSummary summary = summarise_run(folder.path());
  EXPECT_EQ(summary.condition, RunCondition::kFinished);
  EXPECT_EQ(summary.training.steps, 3U);
  EXPECT_EQ(summary.training.loss, 2.5);
  EXPECT_EQ(summary.final_test->step, 3U);
  EXPECT_EQ(summary.final_test->prec5, 90);
  EXPECT_EQ(summary.best_test->step, 2U);
  EXPECT_EQ(summary.best_test->prec1, 50);
  EXPECT_EQ(summary.costs.seconds.total, 20);
  EXPECT_EQ(summary.median_seconds.total, 6);
  EXPECT_EQ(summary.median_seconds.vote, 2);
  EXPECT_EQ(summary.slices, 9U);
  EXPECT_EQ(summary.unresolved, 4U);
  EXPECT_EQ(summary.used, 5U);
  EXPECT_EQ(summary.corrupted, 1U);
  EXPECT_EQ(summary.skipped, 1U);
  EXPECT_THAT(summary.answers_a_slice(), Optional(DoubleEq(27.0 / 5)));
}

TEST(RunSummary, SetsTheLedgerBesideTheTruth) {
  const TemporaryDirectory folder;
  make_run(folder);
  const Detection detection = *summarise_run(folder.path()).detection;
  EXPECT_EQ(detection.lies, 3U);
  EXPECT_EQ(detection.rightly, 1U) << "two accusations about one lie are one";
  EXPECT_EQ(detection.wrongly, 1U) << "worker 7 in step 3; nobody knows the truth of step 9";
  EXPECT_THAT(detection.precision_of_lies(), Optional(0.5));
  EXPECT_THAT(detection.recall_of_lies(), Optional(DoubleEq(1.0 / 3)));
  // Worker 2 did what no honest worker does.
  EXPECT_THAT(summarise_run(folder.path()).suspects, ElementsAre(1));
  EXPECT_THAT(detection.precision_of_workers(), Optional(1.0));
  EXPECT_THAT(detection.recall_of_workers(), Optional(0.5));
}

TEST(RunSummary, JudgesNoWorkersWhereOthersLieInEachStep) {
  const TemporaryDirectory folder;
  make_run(folder, {{"fail-schedule", "per-step"}});
  const RunSummary summary = summarise_run(folder.path());
  EXPECT_THAT(summary.suspects, IsEmpty());
  EXPECT_EQ(summary.detection->precision_of_workers(), std::nullopt);
  EXPECT_EQ(summary.detection->recall_of_workers(), std::nullopt);
  EXPECT_EQ(summary.detection->lies, 3U);
}

TEST(RunSummary, KnowsThatWhoIsLateTellsNoLies) {
  const TemporaryDirectory folder;
  make_run(folder, {{"err-mode", "straggler"}});
  const Detection detection = *summarise_run(folder.path()).detection;
  EXPECT_EQ(detection.lies, 0U);
  EXPECT_EQ(detection.wrongly, 2U);
  EXPECT_EQ(detection.recall_of_lies(), std::nullopt);
}

TEST(RunSummary, UsesNoMoreSlicesThanAreAggregated) {
  const TemporaryDirectory folder;
  make_run(folder, {{"num-aggregate", "2"}, {"mode", "normal"}});
  EXPECT_EQ(summarise_run(folder.path()).used, 4U);
}

TEST(RunSummary, HasNoLossOfARunThatDiverged) {
  const TemporaryDirectory folder;
  make_run(folder);
  write(folder / "run.json", R"({"message":"not finite","status":"diverged","step":3})");
  const RunSummary summary = summarise_run(folder.path());
  EXPECT_EQ(summary.condition, RunCondition::kDiverged);
  EXPECT_TRUE(summary.training.diverged);
  EXPECT_EQ(summary.training.loss, std::nullopt);
  EXPECT_EQ(summary.message, "not finite");
}

TEST(RunSummary, IsOfWhatThereIs) {
  const TemporaryDirectory folder;
  EXPECT_EQ(summarise_run(folder / "none").condition, RunCondition::kAbsent);
  make_run(folder);
  for (const char* name : {"attackers.jsonl", "ledger.jsonl", "evaluation.jsonl", "config.toml"})
    std::filesystem::remove(folder / name);
  const RunSummary summary = summarise_run(folder.path());
  EXPECT_EQ(summary.training.loss, 2.5);
  EXPECT_FALSE(summary.detection.has_value());
  EXPECT_FALSE(summary.final_test.has_value());
}

TEST(RunSummary, RefusesDamageInOneLineThatNamesIt) {
  for (const char* name :
       {"metrics.jsonl", "ledger.jsonl", "attackers.jsonl", "evaluation.jsonl"}) {
    for (const std::string bad :
         {"nonsense", "[1]", "{\"step\":1}",
          R"({"step":1,"worker":10,"slice":0,"kind":"outvoted"})",
          R"({"step":1,"worker":0,"slice":0,"kind":"outvoted"})",
          R"({"step":1,"worker":1,"slice":0,"kind":"rude"})",
          R"({"step":1,"attackers":[10],"owned":[]})", R"({"step":1,"attackers":7})"}) {
      const TemporaryDirectory folder;
      make_run(folder);
      write(folder / name, bad + "\n");
      try {
        summarise_run(folder.path());
        FAIL() << name << ": " << bad;
      } catch (const InputError& error) {
        EXPECT_THAT(error.what(), HasSubstr(std::string(name) + ":1: is no line of")) << bad;
        EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
      }
    }
  }
  for (const char* name : {"run.json", "config.toml"}) {
    const TemporaryDirectory folder;
    make_run(folder);
    write(folder / name, "{{{");
    EXPECT_THROW(summarise_run(folder.path()), InputError) << name;
  }
}

std::uint64_t sum_of(const std::vector<nlohmann::json>& lines, const char* name) {
  std::uint64_t sum = 0;
  for (const auto& line : lines) sum += line.value(name, std::uint64_t{0});
  return sum;
}

TEST(RunSummary, IsTheOneOfARealRunWhoseLiarsStay) {
  const MemoryDirectory folder;
  ToyRun run(folder / "run", {{"workers", "15"},
                              {"worker-fail", "2"},
                              {"fail-schedule", "fixed"},
                              {"max-steps", "40"},
                              {"batch-size", "8"}});
  ASSERT_EQ(run.over_local_engine(), RunEnd::kFinished);
  const RunSummary summary = summarise_run(folder / "run");
  const auto metrics = run.journal("metrics.jsonl");
  EXPECT_EQ(summary.training.steps, 40U);
  EXPECT_EQ(summary.slices, 200U);
  EXPECT_EQ(summary.corrupted, sum_of(metrics, "corrupted"));
  EXPECT_EQ(summary.costs.computed, sum_of(metrics, "computed"));
  std::uint64_t used = 0;
  for (const auto& line : run.journal("rounds.jsonl")) {
    for (const auto& slice : line["slices"]) used += slice["used"] ? 1 : 0;
  }
  EXPECT_EQ(summary.used, used);
  std::set<std::uint32_t> liars;
  for (const auto& line : run.journal("attackers.jsonl")) {
    for (const auto& worker : line["attackers"]) liars.insert(worker.get<std::uint32_t>() - 1);
  }
  ASSERT_EQ(liars.size(), 2U);
  EXPECT_EQ(std::set(summary.suspects.begin(), summary.suspects.end()), liars);
  EXPECT_THAT(summary.detection->precision_of_workers(), Optional(1.0));
  EXPECT_THAT(summary.detection->recall_of_workers(), Optional(1.0));
  EXPECT_EQ(summary.detection->lies, 80U);
}

TEST(RunSummary, NamesTheConvictedOfARunWithAnArbiterThatWentBack) {
  const MemoryDirectory folder;
  ToyRun run(folder / "run", {{"workers", "12"},
                              {"worker-fail", "2"},
                              {"approach", "audit"},
                              {"heal", "true"},
                              {"eval-freq", "5"},
                              {"max-steps", "40"},
                              {"batch-size", "8"}});
  ASSERT_EQ(run.over_local_engine(), RunEnd::kFinished);
  const RunSummary summary = summarise_run(folder / "run");
  const auto metrics = run.journal("metrics.jsonl");
  EXPECT_EQ(summary.training.steps, 40U);
  EXPECT_GT(summary.costs.steps, 40U) << "steps that were taken back cost as well";
  std::set<std::uint32_t> convicted;
  for (const auto& line : run.journal("ledger.jsonl")) {
    if (line["kind"] == "convicted") convicted.insert(line["worker"].get<std::uint32_t>() - 1);
  }
  std::set<std::uint32_t> named;
  for (const Conviction& one : summary.convictions) named.insert(one.worker);
  EXPECT_EQ(named, convicted);
  EXPECT_EQ(named.size(), 2U);
  EXPECT_THAT(summary.suspects, IsEmpty());
  EXPECT_THAT(summary.detection->recall_of_workers(), Optional(1.0));
  EXPECT_EQ(summary.slices, 40 * run.plan().k) << "each step once";
}

}  // namespace
}  // namespace detox
