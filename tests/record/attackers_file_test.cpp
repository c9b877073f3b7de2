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

TEST(Observation, IsTheSameInWhateverWayItsLineIsWritten) {
  constexpr std::size_t kWorkers = 9;
  for (
      const std::string& line : std::vector<std::string>{
          R"({"accusation":true,"kind":"outvoted","slice":3,"step":299,"worker":1})",
          R"({"accusation":false,"attempt":2,"kind":"late-agree","slice":0,"step":1,"worker":9})",
          R"({"accusation":true,"kind":"outvoted","slice":3,"step":299,"worker":0})",
          R"({"accusation":true,"kind":"outvoted","slice":3,"step":299,"worker":10})",
          R"({"accusation":true,"kind":"outvoted","slice":4294967295,"step":1,"worker":1})",
          R"({"accusation":true,"kind":"outvoted","slice":3,"step":281474976710656,"worker":1})",
          R"({"accusation":true,"attempt":65536,"kind":"outvoted","slice":3,"step":1,"worker":1})",
          R"({"accusation":true,"kind":"outvoted","slice":3,"step":99999999999999999999,"worker":1})",
          R"({"accusation":true,"kind":"outvoted","slice":03,"step":1,"worker":1})",
          R"({"accusation":true,"kind":"outvoted","slice":-3,"step":1,"worker":1})",
          R"({"accusation":true,"kind":"outvoted","slice":3.0,"step":1,"worker":1})",
          R"({"accusation":true,"kind":"outvoted","slice":3,"step":1,"worker":1e0})",
          R"({"accusation":true,"kind":"outvote","slice":3,"step":1,"worker":1})",
          R"({"accusation":true,"kind":"outvoted","slice":3,"step":1,"worker":1)",
          R"({"accusation":true,"kind":"outvoted","slice":3,"step":1,"worker":1}})",
          R"({"accusation":true,"kind":"outvoted","slice":3,"step":1,"worker":1,"worker":2})",
          R"({"accusation":true,"kind":"outvoted","slice":3,"step":1})"}) {
    const auto seen = observation(line, kWorkers), spaced = observation(" " + line, kWorkers);
    ASSERT_EQ(seen.has_value(), spaced.has_value()) << line;
    if (!seen) continue;
    EXPECT_EQ(seen->round, spaced->round) << line;
    EXPECT_EQ(seen->slice, spaced->slice) << line;
    EXPECT_EQ(seen->worker, spaced->worker) << line;
    EXPECT_EQ(seen->kind, spaced->kind) << line;
  }
}

}  // namespace
}  // namespace detox
