// A ballot where an arbiter decides about what differs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "round/ballot.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Nine workers, q = 2. Slice 0 has workers 0 and 1, slice 1 worker 2, slice 2 worker 3; whoever
/// else is asked comes from the spares 4 to 8.
class Arbitrated {
 public:
  explicit Arbitrated(bool by_server, std::vector<bool> rechecked = {false, false, false},
                      const std::vector<std::uint32_t>& absent = {})
      : arbitration_{.by_server = by_server,
                     .truth = 3,
                     .dealing = {.workers = 9, .slices = 3, .audit_rate = 0.3, .q = 2},
                     .liars = 2,
                     .rechecked = std::move(rechecked)},
        assignment_(assignment_of({{0, 1}, {2}, {3}}, 9)) {
    assignment_.spares_of_slice = {{4, 5, 6, 7, 8}, {4, 5, 6, 7, 8}, {4, 5, 6, 7, 8}};
    for (const std::uint32_t worker : absent) absent_[worker] = true;
    ballot_ = std::make_unique<Ballot>(Ballot::Parts{.round = 10,
                                                     .assignment = assignment_,
                                                     .absent = absent_,
                                                     .answer_bytes = 4,
                                                     .enough = 3,
                                                     .recent = recent_,
                                                     .arbitration = &arbitration_});
  }
  Ballot* operator->() { return ballot_.get(); }

  void says(std::uint32_t worker, std::uint32_t slice, const std::string& text) {
    ballot_->count({10, worker, slice, kept(text), by_digest});
  }
  /// Whoever is asked now, and because of that, does not answer.
  void are_silent() {
    for (auto orders = ballot_->take_orders(); !orders.empty(); orders = ballot_->take_orders()) {
      for (const SliceOrder& order : orders) ballot_->pass_over(order);
    }
  }
  bool by_digest = true;
  void deliver(std::uint32_t slice, const std::string& text) { ballot_->settle(slice, kept(text)); }
  /// "worker:slice" each.
  std::vector<std::string> orders() {
    std::vector<std::string> found;
    for (const auto& [worker, slice] : ballot_->take_orders())
      found.push_back((worker == kTheServer ? "server" : std::to_string(worker)) + ":" +
                      std::to_string(slice));
    return found;
  }
  /// "worker:slice kind" each.
  std::vector<std::string> ledger() {
    std::vector<std::string> found;
    for (const LedgerEntry& entry : ballot_->ledger()) {
      found.push_back(std::to_string(entry.worker) + ":" + std::to_string(entry.slice) + " " +
                      std::string(suspicion_name(entry.kind)));
    }
    return found;
  }

 private:
  std::span<const std::byte> kept(const std::string& text) {
    texts_.push_back(std::make_unique<std::string>(text));
    return std::as_bytes(std::span(*texts_.back()));
  }
  RecentSteps recent_;
  Arbitration arbitration_;
  Assignment assignment_;
  std::vector<bool> absent_ = std::vector<bool>(9);
  std::vector<std::unique_ptr<std::string>> texts_;
  std::unique_ptr<Ballot> ballot_;
};

TEST(Arbitration, AsksThoseToWhomASliceWasDealtAndNobodyElseWhereTheyAgree) {
  Arbitrated votes(true);
  EXPECT_THAT(votes.orders(), ElementsAre("0:0", "1:0", "2:1", "3:2"));
  votes.says(2, 1, "good");
  EXPECT_EQ(votes->state(1), SliceState::kMajority);
  votes.says(0, 0, "good");
  EXPECT_EQ(votes->state(0), SliceState::kOpen);  // until it can be compared
  votes.says(1, 0, "good");
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
  EXPECT_THAT(votes.orders(), IsEmpty());
  votes->close(false);
  EXPECT_THAT(votes.ledger(), ElementsAre("3:2 missing"));
}

TEST(Arbitration, ByTheServerConvictsWhoSaidSomethingElse) {
  Arbitrated votes(true);
  votes.orders();
  votes.says(0, 0, "evil");
  EXPECT_THAT(votes.orders(), IsEmpty());
  votes.says(1, 0, "good");
  EXPECT_THAT(votes.orders(), ElementsAre("server:0"));
  EXPECT_EQ(votes->state(0), SliceState::kOpen);
  votes.says(kTheServer, 0, "good");
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
  votes.deliver(0, "body");
  votes->close(true);
  EXPECT_THAT(votes.ledger(), ElementsAre("0:0 convicted"));
  const Proof& proof = *votes->ledger().front().proof;
  EXPECT_EQ(proof.said, digest_of(std::as_bytes(std::span("evil", 4))));
  EXPECT_EQ(proof.truth, digest_of(std::as_bytes(std::span("good", 4))));
  EXPECT_TRUE(proof.by_server);
  EXPECT_THAT(votes->counted(0), ElementsAre(1));
  EXPECT_THAT(votes->computed_by_server(), ElementsAre(0));
  EXPECT_EQ(votes->server_was_alone(), 0U);
}

TEST(Arbitration, ByWorkersAsksAsManyAsMakeMoreThanLiarsCan) {
  Arbitrated votes(false);
  votes.orders();
  votes.says(0, 0, "evil");
  votes.says(1, 0, "good");
  EXPECT_THAT(votes.orders(), ElementsAre("4:0", "5:0"));
  votes.says(4, 0, "evil");  // the second of the two that may lie
  EXPECT_THAT(votes.orders(), IsEmpty());
  votes.says(5, 0, "good");
  EXPECT_THAT(votes.orders(), ElementsAre("6:0"));
  EXPECT_EQ(votes->state(0), SliceState::kOpen);
  votes.says(6, 0, "good");
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
  votes.deliver(0, "body");
  votes->close(true);
  EXPECT_THAT(votes.ledger(), ElementsAre("0:0 convicted", "4:0 convicted"));
  EXPECT_FALSE(votes->ledger().front().proof->by_server);
}

TEST(Arbitration, AsksWorkersTooWhereNobodySaidWhatTheServerFound) {
  Arbitrated votes(true);
  votes.orders();
  votes.says(0, 0, "evil");
  votes.says(1, 0, "rot ");
  votes.orders();
  votes.says(kTheServer, 0, "good");
  EXPECT_EQ(votes->server_was_alone(), 1U);
  EXPECT_THAT(votes.orders(), ElementsAre("4:0", "5:0"));
  for (const std::uint32_t worker : {4U, 5U}) votes.says(worker, 0, "good");
  EXPECT_THAT(votes.orders(), ElementsAre("6:0"));
  votes.says(6, 0, "good");
  votes.deliver(0, "body");
  votes->close(true);
  EXPECT_THAT(votes.ledger(), ElementsAre("0:0 convicted", "1:0 convicted"));
}

TEST(Arbitration, ConvictsNobodyWhereTooFewAreLeftToDecide) {
  Arbitrated votes(false);
  votes.orders();
  votes.says(0, 0, "evil");
  votes.says(1, 0, "good");
  votes.are_silent();
  EXPECT_EQ(votes->state(0), SliceState::kOpen);
  votes->close(true);
  EXPECT_EQ(votes->state(0), SliceState::kGivenUp);
  EXPECT_THAT(votes.ledger(), IsEmpty());
}

TEST(Arbitration, RechecksSlicesWhoseCopiesAgree) {
  Arbitrated votes(true, {true, true, true});
  votes.orders();
  votes.says(2, 1, "good");  // of one copy there is nothing to recheck
  EXPECT_THAT(votes.orders(), IsEmpty());
  votes.says(0, 0, "lies");
  votes.says(1, 0, "lies");
  EXPECT_THAT(votes.orders(), ElementsAre("server:0"));
  votes.says(kTheServer, 0, "good");
  EXPECT_THAT(votes.orders(), ElementsAre("4:0"));  // two say the same, and three have to
  votes.says(4, 0, "good");
  EXPECT_THAT(votes.orders(), ElementsAre("5:0"));
  for (const std::uint32_t worker : {5U, 6U}) votes.says(worker, 0, "good");
  votes->close(true);
  EXPECT_THAT(votes.ledger(), ElementsAre("0:0 convicted", "1:0 convicted"));
}

TEST(Arbitration, TakesCopiesThatAgreeAsTheyAreWhereTooFewAnswerToRecheckThem) {
  for (const bool by_digest : {true, false}) {
    Arbitrated votes(false, {true, true, true});
    votes.by_digest = by_digest;
    votes.orders();
    votes.says(0, 0, "good");
    votes.says(1, 0, "good");
    EXPECT_EQ(votes->state(0), SliceState::kOpen);
    votes.are_silent();
    EXPECT_EQ(votes->state(0), by_digest ? SliceState::kMajority : SliceState::kHere);
    if (by_digest) votes.deliver(0, "body");
    votes.says(8, 0, "evil");  // that is late, and nobody has decided anything
    EXPECT_THAT(votes.orders(), IsEmpty());
    votes->close(true);
    EXPECT_THAT(votes.ledger(), IsEmpty());
    EXPECT_THAT(votes->counted(0), ElementsAre(0, 1));
  }
}

TEST(Arbitration, TakesWhatAgreesAsItIsWhereThereIsNoTimeToHearMore) {
  Arbitrated votes(false, {true, true, true});
  votes.orders();
  for (const std::uint32_t slice : {0U, 1U, 2U}) votes->make_do(slice);
  EXPECT_EQ(votes->state(0), SliceState::kOpen);  // nobody has said anything
  votes.says(0, 0, "good");
  votes.says(1, 0, "good");
  EXPECT_THAT(votes.orders(), ElementsAre("4:0"));
  votes->make_do(0);
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
  votes.says(4, 0, "evil");  // that is late
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
  EXPECT_THAT(votes.orders(), IsEmpty());
  votes.deliver(0, "body");
  votes->close(true);
  EXPECT_THAT(votes.ledger(), IsEmpty());
}

TEST(Arbitration, MakesDoWithOneCopyWhereTheOtherTakesTooLongAndWithNoneThatIsInDispute) {
  Arbitrated votes(false), disputed(false);
  votes.orders();
  votes.says(0, 0, "good");
  votes->make_do(0);
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
  votes.says(1, 0, "evil");  // before the answer itself is here
  EXPECT_EQ(votes->state(0), SliceState::kOpen);
  EXPECT_THAT(votes.orders(), ElementsAre("4:0", "5:0"));
  disputed.orders();
  disputed.says(0, 0, "evil");
  disputed.says(1, 0, "good");
  disputed->make_do(0);
  EXPECT_EQ(disputed->state(0), SliceState::kOpen);
}

TEST(Arbitration, BeginsNoRecheckThatTooFewAreLeftFor) {
  Arbitrated votes(false, {true, true, true}, {4, 5, 6, 7, 8});
  votes.orders();
  votes.says(0, 0, "good");
  votes.says(1, 0, "good");
  EXPECT_THAT(votes.orders(), IsEmpty());
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
}

TEST(Arbitration, DecidesNothingWhereARecheckFindsADifferenceAndTooFewAnswer) {
  Arbitrated votes(false, {true, true, true});
  votes.orders();
  votes.says(0, 0, "lies");
  votes.says(1, 0, "lies");
  EXPECT_THAT(votes.orders(), ElementsAre("4:0"));
  votes.says(4, 0, "good");
  votes.are_silent();
  EXPECT_EQ(votes->state(0), SliceState::kOpen);
  votes->close(true);
  EXPECT_EQ(votes->state(0), SliceState::kGivenUp);
  EXPECT_THAT(votes.ledger(), IsEmpty());
}

TEST(Arbitration, GivesASliceToSomebodyElseWhereItsWorkerIsSilent) {
  Arbitrated votes(true);
  votes.orders();
  votes->pass_over({2, 1});
  EXPECT_THAT(votes.orders(), ElementsAre("4:1"));
  votes.says(4, 1, "good");
  EXPECT_EQ(votes->state(1), SliceState::kMajority);
  votes.says(2, 1, "evil");  // nobody has compared them, and neither is convicted
  votes->close(true);
  EXPECT_THAT(votes.ledger(), IsEmpty());
}

TEST(Arbitration, DecidesWhereAPromiseIsNotKeptAndSomebodyElseSaysOtherwise) {
  for (const bool by_server : {true, false}) {
    Arbitrated votes(by_server);
    votes.orders();
    votes.says(2, 1, "evil");
    EXPECT_EQ(votes->state(1), SliceState::kMajority);
    EXPECT_TRUE(votes->ask_another(1));
    EXPECT_THAT(votes.orders(), ElementsAre("4:1"));
    votes.says(4, 1, "good");
    EXPECT_EQ(votes->state(1), SliceState::kOpen);
    if (by_server) {
      EXPECT_THAT(votes.orders(), ElementsAre("server:1"));
      votes.says(kTheServer, 1, "good");
    } else {
      EXPECT_THAT(votes.orders(), ElementsAre("5:1", "6:1"));
      for (const std::uint32_t worker : {5U, 6U}) votes.says(worker, 1, "good");
    }
    votes.deliver(1, "body");
    votes->close(true);
    EXPECT_THAT(votes.ledger(), ElementsAre("2:1 convicted"));
  }
}

TEST(Arbitration, HasTheWholeAnswerOfOneCopyWhereTheOtherDoesNotCome) {
  Arbitrated votes(true);
  votes.by_digest = false;
  votes.orders();
  votes.says(0, 0, "good");
  votes->pass_over({1, 0});
  votes.are_silent();
  EXPECT_EQ(votes->state(0), SliceState::kHere);
}

TEST(Arbitration, GoesOnWithOneCopyWhereTheOtherDoesNotComeAndNobodyElseMayHaveIt) {
  Arbitrated votes(true);
  votes.orders();
  votes.says(0, 0, "good");
  // f = 2 and each has an order: all five spares may have one, and no second.
  for (std::uint32_t spare = 4; spare <= 8; ++spare) {
    votes->pass_over({spare == 4 ? 1U : spare - 1, 0});
    EXPECT_THAT(votes.orders(), ElementsAre(std::to_string(spare) + ":0"));
    EXPECT_EQ(votes->state(0), SliceState::kOpen);
  }
  votes->pass_over({8, 0});
  EXPECT_THAT(votes.orders(), IsEmpty());
  EXPECT_EQ(votes->state(0), SliceState::kMajority);
  votes->pass_over({3, 2});  // whose slice nobody may have besides his own
  EXPECT_THAT(votes.orders(), IsEmpty());
  EXPECT_EQ(votes->state(2), SliceState::kOpen);
}

TEST(Arbitration, TakesNoAnswerOfASpareThatWasNotAsked) {
  Arbitrated votes(true);
  votes.orders();
  votes.says(4, 1, "evil");
  EXPECT_EQ(votes->state(1), SliceState::kOpen);
  EXPECT_THAT(votes.ledger(), ElementsAre("4:0 malformed"));
}

}  // namespace
}  // namespace detox
