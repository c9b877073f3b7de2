// Liars who lie only sometimes, only where it is safe, or say nothing: whole runs on both engines.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "support/attacked_run.hpp"

namespace detox {
namespace {

struct OccasionalRun : AttackedRun {
  explicit OccasionalRun(const Options& options)
      : AttackedRun(with({{"workers", "9"},
                          {"batch-size", "4"},
                          {"max-steps", "30"},
                          {"eval-freq", "10"},
                          {"fail-schedule", "fixed"},
                          {"on-divergence", "continue"}},
                         options)) {}
  double corrupted() const {
    double sum = 0;
    for (const auto& line : run.journal("metrics.jsonl")) sum += line["corrupted"].get<double>();
    return sum;
  }
};

TEST(LieRate, IsTheShareOfStepsInWhichALiarIsOutvoted) {
  OccasionalRun ran({{"worker-fail", "1"}, {"lie-rate", "0.3"}, {"max-steps", "140"}});
  ran.locally();
  EXPECT_EQ(ran.accused("outvoted"), ran.told("attackers"));
  EXPECT_NEAR(static_cast<double>(ran.told("attackers").size()) / 140, 0.3,
              3 * std::sqrt(0.3 * 0.7 / 140));
}

TEST(LieRate, OfNothingIsTheRunWithoutAttack) {
  const Options liars = {{"worker-fail", "4"}, {"assume-fail", "1"}};
  OccasionalRun never(with(liars, {{"lie-rate", "0"}})), none(with(liars, {{"err-mode", "none"}}));
  EXPECT_EQ(never.locally().run.final_model(), none.locally().run.final_model());
  EXPECT_TRUE(never.told("attackers").empty());
}

/// Four of nine are liars: a slice is theirs alone with probability C(4,3) / C(9,3), and one of a
/// step at most.
TEST(SafeLiars, LieOnlyWhereNobodyContradictsThem) {
  const Options safe = {{"worker-fail", "4"}, {"assume-fail", "1"},      {"mode", "normal"},
                        {"lie-when", "safe"}, {"err-mode", "sign_flip"}, {"max-steps", "148"}};
  OccasionalRun eager(safe);
  eager.locally();
  EXPECT_EQ(eager.run.journal("ledger.jsonl").size(), 0U);
  const double share = 3 * 4.0 / 84;
  EXPECT_NEAR(eager.corrupted() / 148, share, 3 * std::sqrt(share * (1 - share) / 148));
  EXPECT_GT(eager.corrupted(), 0);

  // Of a lazy slice the first two of three are asked.
  OccasionalRun lazy(with(safe, {{"lazy", "on"}}));
  lazy.locally();
  EXPECT_EQ(lazy.run.journal("ledger.jsonl").size(), 0U);
  for (const auto& line : lazy.run.journal("metrics.jsonl")) EXPECT_EQ(line["computed"], 6);
  EXPECT_NEAR(lazy.corrupted() / 444, 1.0 / 6, 3 * std::sqrt(5.0 / 36 / 444));
  EXPECT_EQ(OccasionalRun(with(safe, {{"lazy", "on"}})).over_network().bytes(), lazy.bytes());
}

TEST(LiarsAboutOneCopy, AreTheFirstOrTheSecondOfTheSlicesList) {
  for (const auto& [when, place] : {std::pair{"first", 0U}, {"second", 1U}}) {
    OccasionalRun ran({{"worker-fail", "4"}, {"assume-fail", "1"}, {"lie-when", when}});
    ran.locally();
    StepsOfWorkers expected;
    for (std::uint64_t step = 1; step <= 30; ++step) {
      const Assignment assignment = ran.run.assignment(step);
      const std::vector<bool> byzantine = ran.run.byzantine(step, assignment);
      for (const auto& workers : assignment.workers_of_slice) {
        if (byzantine[workers[place]]) expected.emplace(step, workers[place] + 1);
      }
    }
    EXPECT_FALSE(expected.empty());
    EXPECT_EQ(ran.told("attackers"), expected) << when;
    EXPECT_EQ(ran.accused("outvoted"), expected) << when;  // one of three each
  }
}

TEST(SilentLiars, AreMissedInTheirShareOfStepsAndNothingIsLost) {
  OccasionalRun ran(
      {{"worker-fail", "1"}, {"silent-rate", "0.4"}, {"err-mode", "none"}, {"max-steps", "120"}});
  ran.locally();
  EXPECT_EQ(ran.accused("missing"), ran.told("silent"));
  EXPECT_TRUE(ran.told("attackers").empty());
  EXPECT_NEAR(static_cast<double>(ran.told("silent").size()) / 120, 0.4,
              3 * std::sqrt(0.4 * 0.6 / 120));
  EXPECT_EQ(ran.run.final_model(),
            OccasionalRun(Options{{"max-steps", "120"}}).locally().run.final_model());
}

TEST(SilentLiars, TellNoLieInTheSameStep) {
  OccasionalRun ran({{"worker-fail", "2"}, {"silent-rate", "0.5"}, {"assume-fail", "1"}});
  ran.locally();
  for (const auto& one : ran.told("silent")) EXPECT_FALSE(ran.told("attackers").contains(one));
  EXPECT_EQ(ran.told("silent").size() + ran.told("attackers").size(), 60U);
}

TEST(LieOccasions, GiveTheSameBytesHoweverTheyAreComputed) {
  const Options liars = {{"worker-fail", "4"},
                         {"assume-fail", "1"},
                         {"mode", "normal"},
                         {"adversarial", "2"},
                         {"err-mode", "rev_grad"}};
  std::set<std::string> models;
  for (const Options& more :
       {Options{{"lie-rate", "0.5"}},
        {{"lie-rate", "0.7"}, {"err-mode", "alie"}},
        {{"lie-rate", "0.5"}, {"err-mode", "sdc"}, {"approach", "baseline"}},
        {{"lie-rate", "0.8"}, {"err-mode", "stale"}, {"slices", "5"}},
        {{"lie-when", "safe"}, {"worker-fail", "6"}},
        {{"lie-when", "first"}, {"approach", "baseline"}, {"lie-rate", "0.6"}},
        {{"lie-when", "second"}, {"slices", "6"}, {"worker-fail", "6"}, {"lazy", "on"}},
        {{"silent-rate", "0.5"}, {"lie-rate", "0.5"}, {"worker-fail", "1"}},
        {{"silent-rate", "0.5"}, {"lie-rate", "0.6"}, {"worker-fail", "6"}},
        {{"lie-rate", "0.4"}, {"err-mode", "crash"}, {"worker-fail", "1"}}}) {
    const Options options = with(liars, more);
    std::string told;
    for (const auto& [name, value] : more) told.append(name).append(" ").append(value).append(", ");
    OccasionalRun whole(options);
    const std::string expected = whole.locally().bytes();
    models.insert(whole.run.final_model());
    EXPECT_EQ(OccasionalRun(with(options, {{"compute-every-replica", "on"}})).locally().bytes(),
              expected)
        << told;
    EXPECT_EQ(OccasionalRun(options).resumed_behind(13).bytes(), expected) << told;
    // Whether the next step waits for somebody who said nothing depends on the engine, and whether
    // that matters on who else is honest.
    const bool may_be_missed = options.contains("silent-rate") && options.at("worker-fail") != "1";
    if (!may_be_missed) {
      EXPECT_EQ(OccasionalRun(options).over_network().bytes(), expected) << told;
    }
    if (options.contains("approach") || more.contains("lie-when")) continue;
    const Options lazy = with(options, {{"lazy", "on"}}), eager = with(options, {{"lazy", "off"}});
    EXPECT_EQ(OccasionalRun(lazy).locally().run.final_model(),
              OccasionalRun(eager).locally().run.final_model())
        << told;
  }
  EXPECT_EQ(models.size(), 9U);  // two are the run without attack
}

}  // namespace
}  // namespace detox
