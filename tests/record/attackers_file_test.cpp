#include "record/attackers_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "record/step_record.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::ElementsAre;

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
