#include "round/verdict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "stages/assign/placement.hpp"
#include "stages/attack/fail_schedule.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// workers, slices, q; of so many steps.
VerdictBasis basis_of(std::size_t workers, std::size_t slices, std::size_t q, std::uint64_t steps,
                      bool random = true) {
  return {.seating = {workers, slices, workers / slices},
          .liars = q,
          .random_placement = random,
          .first_step = 1,
          .last_step = steps};
}

Ledger ledger_of(std::size_t workers,
                 const std::vector<std::pair<std::uint32_t, std::uint64_t>>& outvoted,
                 Suspicion kind = Suspicion::kOutvoted) {
  Ledger ledger(workers);
  for (const auto& [worker, times] : outvoted) {
    for (std::uint64_t step = 1; step <= times; ++step) ledger.add({step, 0, worker, kind});
  }
  return ledger;
}

/// What colluding liars, always the same, bring about: who is in the minority of its slice.
Ledger played(std::size_t workers, std::size_t slices, const std::vector<std::uint32_t>& liars,
              std::uint64_t steps) {
  Ledger ledger(workers);
  std::vector<bool> lies(workers);
  for (const std::uint32_t liar : liars) lies[liar] = true;
  for (std::uint64_t step = 1; step <= steps; ++step) {
    const Assignment assignment = random_placement({workers, slices, 1}, key_from_seed(7), step);
    const std::vector<std::uint32_t> owned = owned_slices(assignment, lies);
    for (std::uint32_t worker = 0; worker < workers; ++worker) {
      const std::uint32_t slice = assignment.slices_of_worker[worker].front();
      if (lies[worker] != std::ranges::binary_search(owned, slice))
        ledger.add({step, slice, worker, Suspicion::kOutvoted});
    }
  }
  return ledger;
}

TEST(Verdict, BoundsHowOftenAnHonestWorkerIsOutvoted) {
  EXPECT_NEAR(honest_outvoted_share(basis_of(45, 15, 5, 1)), 10.0 / 946, 1e-12);  // C(5,2)/C(44,2)
  EXPECT_EQ(honest_outvoted_share(basis_of(9, 3, 1, 1)), 0);
  EXPECT_NEAR(honest_outvoted_share(basis_of(9, 3, 2, 1)), 1.0 / 28, 1e-12);
  EXPECT_EQ(honest_outvoted_share(basis_of(9, 3, 1, 1, false)), 0);
  EXPECT_EQ(honest_outvoted_share(basis_of(9, 3, 2, 1, false)), 1);
  EXPECT_EQ(honest_outvoted_share(basis_of(9, 9, 4, 1)), 0);  // alone with its slice
  // Two slices of 3 and one of 4, which takes three liars: 6/10 * 3/C(9,2) * (1) + 4/10 * 1/C(9,3).
  EXPECT_NEAR(honest_outvoted_share(basis_of(10, 3, 3, 1)), 0.6 * 3 / 36 + 0.4 / 84, 1e-12);
}

TEST(Verdict, KnowsTheTailOfABinomial) {
  EXPECT_EQ(binomial_tail(10, 0, 0.1), 1);
  EXPECT_EQ(binomial_tail(10, 1, 0), 0);
  EXPECT_EQ(binomial_tail(10, 11, 0.5), 0);
  EXPECT_NEAR(binomial_tail(10, 10, 0.5), 1.0 / 1024, 1e-12);
  EXPECT_NEAR(binomial_tail(10, 8, 0.5), (45.0 + 10 + 1) / 1024, 1e-12);
  EXPECT_NEAR(binomial_tail(1'000'000, 200, 0.0001), 9.29656242e-19, 1e-26);
  EXPECT_EQ(binomial_tail(1'000'000, 1'000'000, 0.3), 0);
}

TEST(Verdict, NamesTheOneThatIsOutvotedInEachStepAndNobodyElse) {
  const Verdict verdict = judge_workers(ledger_of(9, {{7, 30}}), basis_of(9, 3, 1, 30));
  EXPECT_THAT(verdict.suspects, ElementsAre(7));
  EXPECT_EQ(verdict.line, "suspect worker 8: outvoted in 30 of 30 steps; nobody else");
}

TEST(Verdict, TakesOneVoteForProofWhereNoOtherLiarCouldHaveWonIt) {
  EXPECT_THAT(judge_workers(ledger_of(9, {{7, 1}}), basis_of(9, 3, 1, 300)).suspects,
              ElementsAre(7));
  const Verdict of_two = judge_workers(ledger_of(9, {{7, 1}}), basis_of(9, 3, 2, 300));
  EXPECT_THAT(of_two.suspects, IsEmpty());
  EXPECT_EQ(of_two.line,
            "nobody is suspect: 1 worker was outvoted, worker 8 most often, in 1 of 300 steps, no "
            "more than 2 liars can bring about");
}

TEST(Verdict, FindsAllLiarsAndNoHonestWorkerOfThePapersCluster) {
  const std::vector<std::uint32_t> liars = {2, 11, 17, 30, 44};
  const Verdict verdict = judge_workers(played(45, 15, liars, 50), basis_of(45, 15, 5, 50));
  EXPECT_EQ(verdict.suspects, liars);
  EXPECT_EQ(verdict.liars, 5U);
  EXPECT_THAT(verdict.line, HasSubstr("suspect workers 3, 12, 18, 31 and 45: outvoted in "));
  EXPECT_THAT(verdict.line, HasSubstr("as honest workers are where liars own their piece"));
}

TEST(Verdict, SaysThatMoreLieThanTheRunWasBuiltFor) {
  const Verdict verdict = judge_workers(played(21, 7, {1, 8, 13}, 100), basis_of(21, 7, 1, 100));
  EXPECT_THAT(verdict.suspects, ElementsAre(1, 8, 13));
  EXPECT_EQ(verdict.liars, 3U);
  EXPECT_THAT(verdict.line, HasSubstr("that takes 3 liars, and this run was built for 1"));
}

TEST(Verdict, AccusesNobodyOfWhatMachinesThatAllDifferBringAbout) {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> all;
  for (std::uint32_t worker = 0; worker < 9; ++worker) all.emplace_back(worker, 60 + worker);
  const Verdict verdict = judge_workers(ledger_of(9, all), basis_of(9, 3, 1, 100));
  EXPECT_THAT(verdict.suspects, IsEmpty());
  EXPECT_THAT(verdict.line, HasSubstr("more often than a minority of liars explains"));
  EXPECT_THAT(verdict.line, HasSubstr("workers 9 (68), 8 (67)"));
  EXPECT_THAT(verdict.line, HasSubstr("and 1 more"));
}

TEST(Verdict, NamesWhatNoHonestWorkerDoesWhoeverElseLies) {
  const Verdict verdict =
      judge_workers(ledger_of(9, {{3, 2}}, Suspicion::kBadChunk), basis_of(9, 3, 2, 300));
  EXPECT_EQ(verdict.line, "suspect worker 4: bad-chunk 2 times; nobody else");
  EXPECT_THAT(
      judge_workers(ledger_of(9, {{3, 300}}, Suspicion::kMissing), basis_of(9, 3, 2, 300)).suspects,
      IsEmpty());
}

TEST(Verdict, CountsWhoIsOutvotedLate) {
  EXPECT_THAT(
      judge_workers(ledger_of(9, {{3, 30}}, Suspicion::kLateOutvoted), basis_of(9, 3, 2, 30))
          .suspects,
      ElementsAre(3));
}

TEST(Verdict, SaysWhereNothingCanBeToldApart) {
  EXPECT_EQ(judge_workers(Ledger(9), basis_of(9, 3, 1, 30)).line,
            "nobody is suspect: no worker was outvoted in 30 steps");
  EXPECT_THAT(judge_workers(ledger_of(9, {{3, 30}}), basis_of(9, 3, 2, 30, false)).line,
              HasSubstr("nobody can be singled out: 1 worker was outvoted"));
  EXPECT_THAT(judge_workers(Ledger(9), basis_of(9, 9, 1, 30)).line, HasSubstr("r = 1"));
  EXPECT_THAT(changing_liars_line(ledger_of(9, {{3, 10}, {5, 9}}), basis_of(9, 3, 1, 30)),
              HasSubstr("19 answers were outvoted in 30 steps"));
}

/// Over many runs of honest workers outvoted as often as they can be: hardly ever one is accused.
TEST(Verdict, AccusesAnHonestWorkerInAtMostOneRunOfAThousand) {
  const VerdictBasis basis = basis_of(45, 15, 9, 200);
  const double share = honest_outvoted_share(basis);
  std::mt19937_64 random(3);
  std::binomial_distribution<std::uint64_t> outvoted(200, share);
  int accused = 0;
  for (int run = 0; run < 2000; ++run) {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> counts;
    for (std::uint32_t worker = 0; worker < 45; ++worker)
      counts.emplace_back(worker, outvoted(random));
    accused += judge_workers(ledger_of(45, counts), basis).suspects.empty() ? 0 : 1;
  }
  EXPECT_LE(accused, 8);  // 2 are expected at the most
}

/// Each worker has an answer in each of so many steps, and these are how many the rule left out.
Rejections rejections_of(std::uint64_t steps, const std::vector<std::uint64_t>& rejected) {
  Rejections rejections(rejected.size());
  rejections.used.assign(rejected.size(), steps);
  rejections.rejected = rejected;
  return rejections;
}

TEST(RejectionsLine, NamesWhomARuleLeavesOutMoreOftenThanTheOthersAndProvesNothing) {
  EXPECT_EQ(rejections_line(rejections_of(60, {9, 60, 14, 12, 60, 11, 13, 12, 10}), "multi-krum"),
            "multi-krum rejected more often than by chance, which proves nothing: worker 2 (60 of "
            "60), worker 5 (60 of 60); of the others most often worker 3, 14 of 60");
}

TEST(RejectionsLine, NamesNobodyWhereAllAreLeftOutAlike) {
  EXPECT_EQ(rejections_line(rejections_of(60, {20, 21, 17, 25, 19, 20}), "multi-krum"),
            "multi-krum rejected nobody's answers more often than by chance: most often worker 4, "
            "25 of 60");
  // krum takes one row of ten: not to be taken in 60 steps is what happens to many.
  EXPECT_THAT(rejections_line(rejections_of(60, {54, 60, 54, 54, 54, 50, 54, 52, 54, 54}), "krum"),
              HasSubstr("nobody's"));
}

TEST(RejectionsLine, SaysNothingWhereARuleLeavesOutNone) {
  EXPECT_EQ(rejections_line(rejections_of(60, {0, 0, 0}), "coord-median"), "");
  EXPECT_EQ(rejections_line(Rejections(3), "krum"), "");
}

TEST(RejectionsLine, NamesHonestWorkersInOneOfAThousandRunsAtMost) {
  std::mt19937 random(3);
  std::size_t named = 0;
  for (int run = 0; run < 2000; ++run) {
    constexpr std::size_t kWorkers = 12, kLeftOut = 4, kSteps = 50;
    std::vector<std::uint64_t> counts(kWorkers);
    std::vector<std::size_t> order(kWorkers);
    std::iota(order.begin(), order.end(), 0U);
    for (std::size_t step = 0; step < kSteps; ++step) {
      std::ranges::shuffle(order, random);
      for (std::size_t i = 0; i < kLeftOut; ++i) ++counts[order[i]];
    }
    const std::string line = rejections_line(rejections_of(kSteps, counts), "multi-krum");
    named += line.find("proves nothing") != std::string::npos ? 1U : 0U;
  }
  EXPECT_LE(named, 4U);
}

}  // namespace
}  // namespace detox
