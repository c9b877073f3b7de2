#include "round/ballot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>

namespace detox {

/// For messages of failed expectations.
// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest chose the name
void PrintTo(const LedgerEntry& entry, std::ostream* out) {
  *out << "step " << entry.step << " slice " << entry.slice << " worker " << entry.worker << " "
       << suspicion_name(entry.kind);
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::size_t kAnswerBytes = 4;

/// Six workers, two slices: 0, 1, 2 have the first, 3, 4, 5 the second. What they say is a text.
class Votes {
 public:
  explicit Votes(RecentSteps& recent, std::uint64_t step = 10, std::size_t enough = 2,
                 std::vector<bool> absent = std::vector<bool>(6), bool is_lazy = false)
      : absent_(std::move(absent)),
        ballot_({.round = step,
                 .assignment = assignment_,
                 .absent = absent_,
                 .answer_bytes = kAnswerBytes,
                 .enough = enough,
                 .recent = recent,
                 .is_lazy = is_lazy}),
        step_(step) {}

  Ballot& operator*() { return ballot_; }
  Ballot* operator->() { return &ballot_; }

  void digest(std::uint32_t worker, const std::string& text) { digest_late(step_, worker, text); }
  void digest_late(std::uint64_t step, std::uint32_t worker, const std::string& text) {
    ballot_.count({.round = step,
                   .worker = worker,
                   .slice = worker / 3,
                   .bytes = kept(text),
                   .is_digest = true});
  }
  void copy(std::uint32_t worker, std::uint32_t slice, const std::string& text) {
    ballot_.count({.round = step_,
                   .worker = worker,
                   .slice = slice,
                   .bytes = kept(text),
                   .is_digest = false});
  }
  void settle(std::uint32_t slice, const std::string& text) { ballot_.settle(slice, kept(text)); }

 private:
  std::span<const std::byte> kept(const std::string& text) {
    texts_.push_back(std::make_unique<std::string>(text));
    return std::as_bytes(std::span(*texts_.back()));
  }

  Assignment assignment_ = assignment_of({{0, 1, 2}, {3, 4, 5}}, 6);
  std::vector<bool> absent_;
  std::vector<std::unique_ptr<std::string>> texts_;
  Ballot ballot_;
  std::uint64_t step_;
};

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Ballot, HasAMajorityOfDigestsBeforeTheThirdIsHeard) {
  RecentSteps recent;
  Votes votes(recent);
  EXPECT_EQ(votes->state(0), SliceState::kOpen);
  votes.digest(2, "digest of it");
  EXPECT_FALSE(votes->majority(0).has_value());
  EXPECT_EQ(votes->state(0), SliceState::kOpen);
  votes.digest(0, "digest of it");
  ASSERT_TRUE(votes->majority(0).has_value());
  EXPECT_EQ(text_of(votes->majority(0)->bytes), "digest of it");
  EXPECT_THAT(votes->majority(0)->workers, ElementsAre(2, 0));
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
  votes.digest(1, "digest of it");
  EXPECT_THAT(votes->majority(0)->workers, ElementsAre(2, 0, 1));
}

TEST(Ballot, HasNoAnswerForDigestsUntilItIsSettled) {
  RecentSteps recent;
  Votes votes(recent, 10, 1);
  for (const std::uint32_t worker : {0U, 1U, 2U}) votes.digest(worker, "digest");
  EXPECT_FALSE(votes->has_enough());
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
  votes.settle(0, "body");
  EXPECT_EQ(votes->state(0), SliceState::kHere);
  EXPECT_TRUE(votes->has_enough());
  votes->close(true);
  EXPECT_THAT(votes->used(), ElementsAre(0));
  EXPECT_EQ(text_of(votes->answer(0)), "body");
  EXPECT_THAT(votes->counted(0), ElementsAre(0, 1, 2));
}

TEST(Ballot, TakesTheWinningCopyAsTheAnswer) {
  RecentSteps recent;
  Votes votes(recent);
  votes.copy(4, 1, "good");
  votes.copy(3, 1, "evil");
  EXPECT_THAT(votes->used(), IsEmpty());
  votes.copy(5, 1, "good");
  votes->close(false);
  EXPECT_THAT(votes->used(), ElementsAre(1));
  EXPECT_EQ(text_of(votes->answer(1)), "good");
  EXPECT_THAT(votes->counted(1), ElementsAre(4, 5));
  EXPECT_THAT(votes->unresolved(), ElementsAre(0));
}

TEST(Ballot, ClosesASliceThatCanGetNoMajorityAnyMore) {
  RecentSteps recent;
  Votes votes(recent);
  votes.digest(0, "one");
  votes.digest(1, "two");
  EXPECT_EQ(votes->state(0), SliceState::kOpen);
  votes.digest(2, "three");
  EXPECT_EQ(votes->state(0), SliceState::kGivenUp);
  EXPECT_FALSE(votes->majority(0).has_value());
  votes->close(false);
  EXPECT_THAT(votes->counted(0), IsEmpty());
  EXPECT_THAT(votes->unresolved(), ElementsAre(0, 1));
}

TEST(Ballot, NeedsMoreThanHalfOfThoseWhoAreAssignedAlsoWhereSomeAreLeftOut) {
  RecentSteps recent;
  Votes votes(recent, 10, 2, {true, false, false, true, true, false});
  EXPECT_EQ(votes->state(1), SliceState::kGivenUp);
  votes.digest(1, "digest");
  EXPECT_EQ(votes->state(0), SliceState::kOpen);
  votes.digest(2, "digest");
  EXPECT_TRUE(votes->majority(0).has_value());
  votes->close(false);
  EXPECT_THAT(votes->ledger(), ElementsAre(LedgerEntry{10, 1, 5, Suspicion::kMissing}));
}

TEST(Ballot, AccusesWhoeverIsOutvoted) {
  RecentSteps recent;
  Votes votes(recent);
  votes.digest(1, "good");
  votes.digest(0, "evil");
  votes.digest(2, "good");
  votes->close(true);
  EXPECT_THAT(votes->ledger(), ElementsAre(LedgerEntry{10, 0, 0, Suspicion::kOutvoted}));
}

TEST(Ballot, CountsTheFirstDigestOfAWorkerAndAccusesItOfASecond) {
  RecentSteps recent;
  Votes votes(recent);
  votes.digest(0, "good");
  for (const std::string text : {"evil", "vile", "good", "evil"}) votes.digest(0, text);
  EXPECT_THAT(votes->ledger(), ElementsAre(LedgerEntry{10, 0, 0, Suspicion::kEquivocated}));
  votes.digest(1, "good");
  EXPECT_THAT(votes->majority(0)->workers, ElementsAre(0, 1));
}

TEST(Ballot, AccusesAlsoWhoEquivocatesAfterTheMajority) {
  RecentSteps recent;
  Votes votes(recent);
  votes.digest(0, "good");
  votes.digest(1, "good");
  votes.digest(0, "evil");
  EXPECT_THAT(votes->ledger(), ElementsAre(LedgerEntry{10, 0, 0, Suspicion::kEquivocated}));
  EXPECT_THAT(votes->majority(0)->workers, ElementsAre(0, 1));
}

TEST(Ballot, AccusesOnceWhoAnswersForTheSliceOfOthers) {
  RecentSteps recent;
  Votes votes(recent);
  for (int time = 0; time < 1000; ++time) {
    votes.copy(0, 1, "evil");
    votes.copy(0, 0xffffffff, "evil");
  }
  EXPECT_THAT(votes->ledger(), ElementsAre(LedgerEntry{10, 0, 0, Suspicion::kMalformed}));
  votes.copy(3, 1, "good");
  votes.copy(4, 1, "good");
  EXPECT_THAT(votes->majority(1)->workers, ElementsAre(3, 4));
}

TEST(Ballot, CountsNoCopyOfAnotherLengthThanAnAnswer) {
  RecentSteps recent;
  Votes votes(recent);
  for (const std::uint32_t worker : {0U, 1U}) {
    for (const std::string text : {"", "too", "longer"}) votes.copy(worker, 0, text);
  }
  EXPECT_EQ(votes->state(0), SliceState::kOpen);
  EXPECT_THAT(votes->ledger(), ElementsAre(LedgerEntry{10, 0, 0, Suspicion::kMalformed},
                                           LedgerEntry{10, 0, 1, Suspicion::kMalformed}));
}

TEST(Ballot, LeavesASliceUnresolvedWhoseAnswerNobodyDelivers) {
  RecentSteps recent;
  Votes votes(recent);
  for (const std::uint32_t worker : {0U, 1U, 3U, 4U}) votes.digest(worker, "digest");
  votes->settle(0, std::nullopt);
  EXPECT_EQ(votes->state(0), SliceState::kGivenUp);
  votes.settle(1, "body");
  EXPECT_FALSE(votes->has_enough());
  votes->close(true);
  EXPECT_THAT(votes->used(), ElementsAre(1));
  EXPECT_THAT(votes->counted(0), IsEmpty());
  EXPECT_THAT(votes->unresolved(), ElementsAre(0));
}

TEST(Ballot, LeavesASliceUnresolvedWhoseAnswerIsStillUnderWay) {
  RecentSteps recent;
  Votes votes(recent, 10, 1);
  for (const std::uint32_t worker : {0U, 1U, 3U, 4U}) votes.digest(worker, "digest");
  votes.settle(1, "body");
  ASSERT_TRUE(votes->has_enough());
  votes->close(true);
  EXPECT_THAT(votes->counted(0), IsEmpty());
  EXPECT_THAT(votes->counted(1), ElementsAre(3, 4));
  EXPECT_THAT(votes->unresolved(), ElementsAre(0));
}

TEST(Ballot, UsesTheFirstSlicesThatHaveAnAnswerWhereNotAllAreNeeded) {
  RecentSteps recent;
  Votes votes(recent, 10, 1);
  for (const std::uint32_t worker : {0U, 1U, 3U, 4U}) votes.digest(worker, "digest");
  votes.settle(1, "late");
  EXPECT_TRUE(votes->has_enough());
  votes.settle(0, "more");
  votes->close(true);
  EXPECT_THAT(votes->used(), ElementsAre(1));
}

TEST(Ballot, NamesTheSlicesThatAreUsedInAscendingOrder) {
  RecentSteps recent;
  Votes votes(recent);
  for (const std::uint32_t worker : {0U, 1U, 3U, 4U}) votes.digest(worker, "digest");
  votes.settle(1, "late");
  votes.settle(0, "more");
  votes->close(true);
  EXPECT_THAT(votes->used(), ElementsAre(0, 1));
}

TEST(Ballot, LogsWhatIsNotedOnceAKindAndWorker) {
  RecentSteps recent;
  Votes votes(recent);
  for (int time = 0; time < 3; ++time) {
    votes->note(4, Suspicion::kBadChunk);
    votes->note(4, Suspicion::kBadRelay);
    votes->note(0, Suspicion::kBadChunk);
  }
  EXPECT_THAT(votes->ledger(), ElementsAre(LedgerEntry{10, 1, 4, Suspicion::kBadChunk},
                                           LedgerEntry{10, 1, 4, Suspicion::kBadRelay},
                                           LedgerEntry{10, 0, 0, Suspicion::kBadChunk}));
}

TEST(Ballot, CallsMissingAtOnceWhoWasWaitedForInVain) {
  RecentSteps recent;
  Votes votes(recent);
  for (const std::uint32_t worker : {0U, 1U, 3U, 4U, 5U}) votes.digest(worker, "digest");
  votes->close(false);
  EXPECT_THAT(votes->ledger(), ElementsAre(LedgerEntry{10, 0, 2, Suspicion::kMissing}));
}

/// Step 10, which ends while worker 2 is silent.
void end_early(RecentSteps& recent) {
  Votes votes(recent, 10);
  for (const std::uint32_t worker : {0U, 1U, 3U, 4U, 5U}) votes.digest(worker, "digest of 10");
  votes->close(true);
  EXPECT_THAT(votes->ledger(), IsEmpty());
}

/// All say the same in this step; then what the ledger says.
std::vector<LedgerEntry> end_in_order(Votes& votes) {
  for (const std::uint32_t worker : {0U, 1U, 2U, 3U, 4U, 5U}) votes.digest(worker, "digest");
  votes->close(true);
  return votes->ledger();
}

TEST(LateAnswer, IsComparedUpToTwoStepsLater) {
  for (const std::uint64_t late : {1U, 2U}) {
    for (const bool agrees : {true, false}) {
      RecentSteps recent;
      end_early(recent);
      for (std::uint64_t step = 11; step < 10 + late; ++step) {
        Votes between(recent, step);
        EXPECT_THAT(end_in_order(between), IsEmpty());
      }
      Votes votes(recent, 10 + late);
      votes.digest_late(10, 2, agrees ? "digest of 10" : "another");
      votes.digest_late(10, 2, agrees ? "digest of 10" : "another");
      const Suspicion kind = agrees ? Suspicion::kLateAgree : Suspicion::kLateOutvoted;
      EXPECT_THAT(end_in_order(votes), ElementsAre(LedgerEntry{10, 0, 2, kind})) << late;
      Votes after(recent, 11 + late), last(recent, 12 + late);
      EXPECT_THAT(end_in_order(after), IsEmpty()) << "it was heard of, so it was not missing";
      EXPECT_THAT(end_in_order(last), IsEmpty());
    }
  }
}

TEST(LateAnswer, ThatIsNotWhatTheWorkerSaidBeforeIsEquivocation) {
  RecentSteps recent;
  end_early(recent);
  Votes votes(recent, 11);
  votes.digest_late(10, 2, "digest of 10");
  votes.digest_late(10, 2, "another");
  votes.digest_late(10, 0, "digest of 10");
  votes.digest_late(10, 1, "another");  // it was in time the first time
  EXPECT_THAT(end_in_order(votes), ElementsAre(LedgerEntry{10, 0, 2, Suspicion::kLateAgree},
                                               LedgerEntry{10, 0, 2, Suspicion::kEquivocated},
                                               LedgerEntry{10, 0, 1, Suspicion::kEquivocated}));
}

TEST(LateAnswer, ThatDoesNotComeWithinTwoStepsIsMissing) {
  RecentSteps recent;
  end_early(recent);
  Votes first(recent, 11), second(recent, 12), third(recent, 13);
  EXPECT_THAT(end_in_order(first), IsEmpty());
  EXPECT_THAT(end_in_order(second), ElementsAre(LedgerEntry{10, 0, 2, Suspicion::kMissing}));
  third.digest_late(10, 2, "digest of 10");
  EXPECT_THAT(end_in_order(third), IsEmpty());
}

TEST(LateAnswer, ChangesNothingInTheVoteOfTheStepInWhichItComes) {
  RecentSteps recent;
  end_early(recent);
  Votes votes(recent, 11);
  votes.digest_late(10, 2, "digest of 10");
  votes.digest(0, "digest of 11");
  EXPECT_FALSE(votes->majority(0).has_value());
  votes.digest(2, "digest of 11");
  EXPECT_THAT(votes->majority(0)->workers, ElementsAre(0, 2));
}

TEST(LateAnswer, IsComparedWithNothingWhereItsSliceHadNoMajority) {
  RecentSteps recent;
  Votes early(recent, 10);
  early.digest(0, "one");
  early.digest(1, "two");
  early->close(true);
  Votes votes(recent, 11);
  votes.digest_late(10, 2, "one");
  EXPECT_THAT(end_in_order(votes), IsEmpty());
}

TEST(LateAnswer, FromAStepThatIsYetToComeIsNoAnswer) {
  RecentSteps recent;
  Votes votes(recent, 11);
  votes.digest_late(12, 2, "one");
  EXPECT_THAT(end_in_order(votes), IsEmpty());
}

using Orders = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

/// Worker and slice of each.
Orders taken(Ballot& ballot) {
  Orders orders;
  for (const SliceOrder& order : ballot.take_orders())
    orders.emplace_back(order.worker, order.slice);
  return orders;
}

TEST(Ballot, AsksEverybodyAtOnceWhereItIsNotLazy) {
  RecentSteps recent;
  std::vector<bool> absent(6);
  absent[1] = true;
  Votes votes(recent, 10, 2, absent);
  EXPECT_EQ(taken(*votes), (Orders{{0, 0}, {2, 0}, {3, 1}, {4, 1}, {5, 1}}));
  votes.digest(0, "good");
  votes.digest(2, "evil");
  EXPECT_EQ(taken(*votes), Orders{});
  EXPECT_THAT(votes->asked(0), ElementsAre(0, 2));
}

class LazyVotes : public Votes {
 public:
  explicit LazyVotes(RecentSteps& recent, std::vector<bool> absent = std::vector<bool>(6))
      : Votes(recent, 10, 2, std::move(absent), true) {}
};

TEST(LazyBallot, AsksNoMoreThanAMajorityWhileNothingDiffers) {
  RecentSteps recent;
  LazyVotes votes(recent);
  EXPECT_EQ(taken(*votes), (Orders{{0, 0}, {1, 0}, {3, 1}, {4, 1}}));
  votes.digest(1, "good");
  votes.digest(0, "good");
  EXPECT_EQ(taken(*votes), Orders{});
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
  EXPECT_EQ(votes->state(1), SliceState::kOpen);
  votes.settle(0, "body");
  votes->close(true);
  EXPECT_THAT(votes->counted(0), ElementsAre(0, 1));
  EXPECT_THAT(votes->ledger(), IsEmpty());  // nobody is missing who was not asked
  EXPECT_THAT(votes->asked(0), ElementsAre(0, 1));
}

TEST(LazyBallot, AsksTheNextOneWhereTwoDiffer) {
  RecentSteps recent;
  LazyVotes votes(recent);
  taken(*votes);
  votes.digest(1, "evil");
  EXPECT_EQ(taken(*votes), Orders{});  // the other one may say the same
  votes.digest(0, "good");
  EXPECT_EQ(taken(*votes), (Orders{{2, 0}}));
  votes.digest(2, "good");
  EXPECT_EQ(taken(*votes), Orders{});
  votes.settle(0, "body");
  votes->close(true);
  EXPECT_THAT(votes->counted(0), ElementsAre(0, 2));
  EXPECT_THAT(votes->ledger(), ElementsAre(LedgerEntry{10, 0, 1, Suspicion::kOutvoted}));
}

TEST(LazyBallot, PassesOverWhoIsAbsentAtOnceAndWhoIsNotWaitedFor) {
  RecentSteps recent;
  std::vector<bool> absent(6);
  absent[0] = true;
  LazyVotes votes(recent, absent);
  EXPECT_EQ(taken(*votes), (Orders{{1, 0}, {2, 0}, {3, 1}, {4, 1}}));
  votes->pass_over({4, 1});
  EXPECT_EQ(taken(*votes), (Orders{{5, 1}}));
  votes->pass_over({4, 1});
  EXPECT_EQ(taken(*votes), Orders{});
  votes.digest(3, "good");
  votes.digest(4, "good");  // it may answer all the same
  EXPECT_EQ(votes->state(1), SliceState::kMajority);
}

TEST(LazyBallot, AsksAnotherOneWhereNobodyDelivers) {
  RecentSteps recent;
  LazyVotes votes(recent);
  taken(*votes);
  votes.digest(0, "good");
  votes.digest(1, "good");
  EXPECT_TRUE(votes->ask_another(0));
  EXPECT_EQ(taken(*votes), (Orders{{2, 0}}));
  EXPECT_TRUE(votes->ask_another(0));  // of whom it is waited for
  EXPECT_EQ(taken(*votes), Orders{});
  votes.digest(2, "good");
  EXPECT_THAT(votes->majority(0)->workers, ElementsAre(0, 1, 2));
  EXPECT_FALSE(votes->ask_another(0));
}

/// Whoever lies, and in whatever order the answers come: those who are asked are the shortest
/// beginning of the list that holds a majority, and the winner is that of everybody's votes.
TEST(LazyBallot, AsksTheSamePeopleInWhateverOrderTheyAnswer) {
  const std::vector<std::uint32_t> list = {4, 2, 0, 3, 1};
  const Assignment assignment = assignment_of({list}, 5);
  const std::vector<bool> absent(5);
  std::mt19937 random(1);
  for (int kinds = 0; kinds < 243; ++kinds) {  // one of three answers each
    std::vector<std::string> says;
    for (int worker = 0, rest = kinds; worker < 5; ++worker, rest /= 3)
      says.push_back(std::string(4, static_cast<char>('a' + rest % 3)));
    std::size_t needed = 0;
    std::map<std::string, int> counts;
    for (int most = 0; needed < 5 && most < 3; ++needed)
      most = std::max(most, ++counts[says[list[needed]]]);
    for (int order = 0; order < 4; ++order) {
      RecentSteps recent;
      Ballot ballot({.round = 1,
                     .assignment = assignment,
                     .absent = absent,
                     .answer_bytes = 4,
                     .enough = 1,
                     .recent = recent,
                     .is_lazy = true});
      std::vector<SliceOrder> open = ballot.take_orders();
      while (!open.empty()) {
        const std::size_t next = random() % open.size();
        const std::uint32_t worker = open[next].worker;
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(next));
        ballot.count({1, worker, 0, std::as_bytes(std::span(says[worker]))});
        for (const SliceOrder& more : ballot.take_orders()) open.push_back(more);
      }
      const auto winner =
          std::ranges::find_if(counts, [](const auto& one) { return one.second >= 3; });
      if (winner == counts.end()) {
        EXPECT_EQ(ballot.state(0), SliceState::kGivenUp);
        continue;
      }
      EXPECT_EQ(ballot.asked(0).size(), needed);
      ASSERT_EQ(ballot.state(0), SliceState::kHere);
      EXPECT_EQ(text_of(ballot.answer(0)), winner->first);
    }
  }
}

}  // namespace
}  // namespace detox
