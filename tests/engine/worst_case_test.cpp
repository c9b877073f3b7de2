// Attackers who know the groups, with each attack of the registry.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

using Members = std::set<std::pair<std::uint64_t, std::uint64_t>>;  // step, worker from 1

/// 27 workers in 9 groups of 3; 4 attackers, who can own two of these.
std::map<std::string, std::string> placed_at_worst(std::string_view attack) {
  std::map<std::string, std::string> options = {{"workers", "27"},
                                                {"worker-fail", "4"},
                                                {"fail-schedule", "worst-case"},
                                                {"batch-size", "4"},
                                                {"max-steps", "4"}};
  if (attack == "alie") {
    options["lis-simulation"] = "simulate";
  } else {
    options["err-mode"] = attack;
  }
  if (attack == "mimic") options["adversarial"] = "8";  // a slice that they do not own
  if (attack == "straggler") options["adversarial"] = "0.05";
  return options;
}

/// Of the groups that attackers own, those who are none.
Members outnumbered(const ToyRun& run) {
  Members members;
  for (std::uint64_t step = 1; step <= 4; ++step) {
    const Assignment assignment = run.assignment(step);
    const std::vector<bool> byzantine = run.byzantine(step, assignment);
    for (const std::uint32_t slice : owned_slices(assignment, byzantine)) {
      for (const std::uint32_t worker : assignment.workers_of_slice[slice]) {
        if (!byzantine[worker]) members.emplace(step, worker + 1);
      }
    }
  }
  return members;
}

TEST(WorstCase, OwnsWhatTheDefenceIsBuiltForWithEveryAttackAndTheMedianHolds) {
  for (const AttackInfo& attack : attacks()) {
    SCOPED_TRACE(attack.name);
    const bool is_alone = !attack.make({})->colludes();  // two of them do not agree
    const MemoryDirectory directory;
    ToyRun run(directory / "run", placed_at_worst(attack.name));
    ASSERT_EQ(run.plan().f_eff, 2U);
    EXPECT_EQ(run.over_local_engine(), RunEnd::kFinished);
    for (const auto& line : run.journal("metrics.jsonl")) {
      EXPECT_EQ(line.value("corrupted", 0), is_alone || attack.name == "none" ? 0 : 2);
      EXPECT_EQ(line["skipped"], false);
      EXPECT_LT(line["loss"].get<double>(), 10);
    }
    Members outvoted;
    for (const auto& line : run.journal("ledger.jsonl")) {
      if (line["kind"] == "outvoted") outvoted.emplace(line["step"], line["worker"]);
    }
    const bool lies = attack.name != "none" && attack.name != "crash" && attack.name != "straggler";
    EXPECT_EQ(outnumbered(run).size(), 8U);
    // One whose fault shows while its neighbour's does not is in the minority.
    if (is_alone) continue;
    EXPECT_EQ(outvoted, lies ? outnumbered(run) : Members());
  }
}

TEST(WorstCase, IsTheSameOverATransportWithEveryAttack) {
  for (const AttackInfo& attack : attacks()) {
    const MemoryDirectory directory;
    const auto options = placed_at_worst(attack.name);
    ToyRun local(directory / "local", options);
    ToyRun network(directory / "network", options);
    local.step_timeout_s = network.step_timeout_s = 1.5;  // crash waits for it in every step
    local.over_local_engine();
    network.over_network();
    EXPECT_EQ(network.final_model(), local.final_model()) << attack.name;
  }
}

}  // namespace
}  // namespace detox
