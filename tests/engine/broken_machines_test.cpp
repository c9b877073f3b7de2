// Machines that are broken, each in its own way: runs under sdc and stale, on either engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "record/checkpoint.hpp"
#include "support/attacked_run.hpp"

namespace detox {
namespace {

Options broken(const std::string& attack, const Options& more = {}) {
  return with({{"workers", "9"},
               {"worker-fail", "1"},
               {"err-mode", attack},
               {"batch-size", "4"},
               {"max-steps", "40"},
               {"eval-freq", "10"}},
              more);
}

TEST(BrokenMachines, AreOutvotedWhereTheirFaultShowsAndNowhereElse) {
  for (const char* attack : {"sdc", "stale"}) {
    AttackedRun ran(broken(attack));
    ran.locally();
    EXPECT_EQ(ran.accused(), ran.told()) << attack;
    EXPECT_FALSE(ran.told().empty()) << attack;
    EXPECT_LT(ran.told().size(), 40U) << attack;
    std::set<std::uint64_t> machines;
    for (const auto& [step, worker] : ran.told()) machines.insert(worker);
    EXPECT_EQ(machines.size() == 1, std::string(attack) == "sdc");
    EXPECT_EQ(ran.run.final_model(), AttackedRun(broken("none")).locally().run.final_model())
        << attack;
  }
}

TEST(BrokenMachines, HaveNoMajorityWhereTwoOfThreeAreBrokenInTheirOwnWays) {
  // One slice, of three workers.
  AttackedRun ran(broken("sdc", {{"workers", "3"}, {"worker-fail", "2"}, {"assume-fail", "1"}}));
  ran.locally();
  std::size_t both = 0;
  const auto steps = ran.run.journal("metrics.jsonl");
  const auto truth = ran.run.journal("attackers.jsonl");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool are_both = truth[i]["attackers"].size() == 2;
    EXPECT_EQ(steps[i]["resolved"], are_both ? 0 : 1) << i;
    EXPECT_EQ(steps[i]["corrupted"], 0) << i;
    both += are_both ? 1 : 0;
  }
  EXPECT_GT(both, 0U);
}

TEST(BrokenMachines, GiveTheSameBytesHoweverTheyAreComputed) {
  for (const char* attack : {"sdc", "stale"}) {
    for (const Options& more : {Options{{"worker-fail", "3"}, {"assume-fail", "1"}},
                                {{"approach", "baseline"}, {"worker-fail", "3"}},
                                {{"slices", "5"}, {"placement", "fixed"}},
                                {{"attack-statistics", "off"}, {"fail-schedule", "worst-case"}}}) {
      const Options options = broken(attack, with({{"on-divergence", "continue"}}, more));
      const std::string expected = AttackedRun(options).locally().bytes();
      EXPECT_EQ(AttackedRun(options).over_network().bytes(), expected) << attack;
      EXPECT_EQ(AttackedRun(with(options, {{"compute-every-replica", "on"}})).locally().bytes(),
                expected);
      EXPECT_EQ(AttackedRun(options).resumed_behind(17).bytes(), expected) << attack;
      if (options.contains("approach")) continue;
      EXPECT_EQ(AttackedRun(with(options, {{"lazy", "on"}})).locally().run.final_model(),
                AttackedRun(options).locally().run.final_model());
      EXPECT_EQ(AttackedRun(with(options, {{"lazy", "on"}})).over_network().run.final_model(),
                AttackedRun(options).locally().run.final_model());
    }
  }
}

/// The weights after a step from those before it, where one slice's gradient is for the samples of
/// `stale` of the step before.
std::vector<float> next_weights(const std::vector<float>& weights, const Key& data_key,
                                std::uint64_t step, std::size_t victim, StepSlice stale) {
  const ToyData data(ToyRun::kSamples);
  SliceReader reader(data, {ToyRun::kSamples, 3, 12, data_key}, data_key);
  std::vector<double> sum(15);
  for (std::size_t slice = 0; slice < 3; ++slice) {
    const StepSlice of = slice == victim ? stale : StepSlice{step, slice};
    SliceBatch batch;
    reader.begin_step(of.step);
    reader.read(of.slice, batch);
    std::vector<float> gradient(15), statistics(1);
    ToyLearner().gradient(weights, std::vector<float>(1), batch.batch(), gradient, statistics);
    for (std::size_t i = 0; i < 15; ++i) sum[i] += static_cast<double>(gradient[i]);
  }
  std::vector<float> next;
  for (std::size_t i = 0; i < 15; ++i)
    next.push_back(static_cast<float>(static_cast<double>(weights[i]) - 0.1 * sum[i] / 3));
  return next;
}

TEST(BrokenMachines, ThatAreStaleSendTheGradientOfASliceOfTheStepBeforeAtTodaysWeights) {
  const Options options = broken("stale", {{"workers", "3"},
                                           {"approach", "baseline"},
                                           {"mode", "normal"},
                                           {"momentum", "0"},
                                           {"lr", "0.1"},
                                           {"placement", "fixed"},
                                           {"fail-schedule", "fixed"},
                                           {"max-steps", "12"},
                                           {"eval-freq", "1"}});
  AttackedRun ran(options);
  ran.locally();
  RunConfig config;
  for (const auto& [name, value] : options) set_option(find_option(name), value, config);
  const Key data_key = run_keys(config).data;
  const auto truth = ran.run.journal("attackers.jsonl");
  const ModelLayout layout = ToyLearner().layout();
  const auto weights = [&](std::uint64_t step) {
    return load_model(ran.directory / "run" / ("model_step_" + std::to_string(step)), layout)
        .parameters;
  };
  EXPECT_TRUE(truth[0]["attackers"].empty());
  std::set<std::size_t> slices;
  for (std::uint64_t step = 2; step <= 12; ++step) {
    const std::size_t victim = truth[step - 1]["attackers"][0].get<std::size_t>() - 1;
    const std::vector<float> before = weights(step - 1), after = weights(step);
    std::size_t matches = 0;
    for (std::size_t slice = 0; slice < 3; ++slice) {
      const auto expected = next_weights(before, data_key, step, victim, {step - 1, slice});
      if (!testing::Value(after, testing::Pointwise(testing::FloatNear(1e-6F), expected))) continue;
      ++matches;
      slices.insert(slice);
    }
    EXPECT_EQ(matches, 1U) << step;
  }
  EXPECT_EQ(slices.size(), 3U);
}

}  // namespace
}  // namespace detox
