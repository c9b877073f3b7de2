#include "engine/attackers_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "record/step_record.hpp"
#include "stages/assign/placement.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::ElementsAre;

Adversary fixed_liars(std::size_t count) {
  AttackPlan plan;
  plan.attack = "rev_grad";
  plan.byzantine = count;
  plan.schedule = FailSchedule::kFixed;
  return {plan, key_from_seed(1)};
}

std::vector<nlohmann::json> lines_of(const std::filesystem::path& file) {
  std::vector<nlohmann::json> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(AttackersFile, HoldsEachStepOnceAlsoWhereARunIsResumed) {
  const TemporaryDirectory directory;
  const Adversary adversary = fixed_liars(2);
  const Assignment assignment = fixed_placement(9, 3);
  const std::vector<bool> lies = adversary.byzantine(1, assignment);
  for (const std::uint64_t from : {0U, 3U}) {  // the second goes on after step 3, of 5
    AttackersFile file(adversary, {}, directory.path(), from);
    for (std::uint64_t step = from + 1; step <= 5; ++step)
      EXPECT_EQ(file.add(step, assignment), owned_slices(assignment, lies).size());
  }
  const auto lines = lines_of(directory / "attackers.jsonl");
  ASSERT_EQ(lines.size(), 5U);
  for (std::uint64_t step = 1; step <= 5; ++step) {
    EXPECT_EQ(lines[step - 1]["step"], step);
    for (std::uint32_t worker = 0; worker < 9; ++worker) {
      const auto& attackers = lines[step - 1]["attackers"];
      EXPECT_EQ(std::count(attackers.begin(), attackers.end(), worker + 1), lies[worker] ? 1 : 0);
    }
  }
}

TEST(AttackersFile, LeavesOutWhoIsAbsent) {
  const TemporaryDirectory directory;
  const Adversary adversary = fixed_liars(8);
  AttackersFile file(adversary, {{0, 1, 1}, {1, 1, 1}}, directory.path(), 0);
  file.add(1, fixed_placement(9, 3));
  file.add(2, fixed_placement(9, 3));
  const auto lines = lines_of(directory / "attackers.jsonl");
  EXPECT_LE(lines[0]["attackers"].size(), 7U);
  EXPECT_EQ(lines[1]["attackers"].size(), 8U);
}

TEST(AttackersFile, TellsRightAccusationsFromWrongOnesAndFromMissedLies) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "attackers.jsonl") << R"({"attackers":[2,5],"owned":[],"step":1})"
                                               << "\n"
                                               << R"({"attackers":[2,5],"owned":[1],"step":2})"
                                               << "\n";
  std::ofstream ledger(directory / "ledger.jsonl");
  for (const LedgerEntry& entry : std::vector<LedgerEntry>{
           {1, 0, 1, Suspicion::kOutvoted},
           {1, 0, 1, Suspicion::kBadChunk},  // the same lie
           {1, 1, 4, Suspicion::kLateOutvoted},
           {1, 1, 6, Suspicion::kMissing},      // no accusation
           {2, 1, 6, Suspicion::kOutvoted},     // honest, in a slice that liars own
           {3, 1, 6, Suspicion::kOutvoted}}) {  // of a step whose truth nobody knows
    ledger << ledger_line(entry).dump() << "\n";
  }
  ledger << "no line\n{\"step\":\n[1]\n";
  ledger.close();
  const AttackersFound found = find_attackers(directory.path());
  EXPECT_EQ(found.lies, 4U);
  EXPECT_EQ(found.rightly, 2U);
  EXPECT_EQ(found.wrongly, 1U);
  EXPECT_THAT(found.liars, ElementsAre(1, 4));
}

}  // namespace
}  // namespace detox
