#include "stages/vote/slice_vote.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace detox {
namespace {

using State = SliceVote::State;
using Verdict = SliceVote::Verdict;
using testing::ElementsAre;
using testing::IsEmpty;

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
std::string text(std::span<const std::byte> answer) {
  return {reinterpret_cast<const char*>(answer.data()), answer.size()};
}

const std::string kHonest = "honest answer", kLie = "a lie, longer", kOtherLie = "honest answeR";
const std::string kA = "a", kB = "b", kC = "c", kD = "d";
const std::vector<std::uint32_t> kThree = {4, 7, 9}, kFour = {0, 1, 2, 3}, kFive = {1, 2, 3, 5, 8};

TEST(SliceVote, IsResolvedByTwoOfThree) {
  SliceVote vote(kThree);
  EXPECT_EQ(vote.state(), State::kOpen);
  EXPECT_EQ(vote.add(9, bytes(kHonest)), Verdict::kCounted);
  EXPECT_EQ(vote.state(), State::kOpen);
  EXPECT_EQ(vote.add(4, bytes(kHonest)), Verdict::kCounted);
  EXPECT_EQ(vote.state(), State::kResolved);
}

TEST(SliceVote, ComparesBytesAndNotAddresses) {
  const std::string copy = kHonest;
  SliceVote vote(kThree);
  vote.add(4, bytes(kHonest));
  vote.add(7, bytes(copy));
  EXPECT_EQ(vote.state(), State::kResolved);
  EXPECT_EQ(vote.candidates().size(), 1U);
  EXPECT_EQ(text(vote.winner()), kHonest);
}

TEST(SliceVote, NamesTheOutvotedAndTheMissing) {
  SliceVote vote(kFive);
  vote.add(8, bytes(kLie));
  vote.add(3, bytes(kHonest));
  vote.add(1, bytes(kOtherLie));
  EXPECT_EQ(vote.state(), State::kOpen);
  EXPECT_THAT(vote.missing(), ElementsAre(2, 5));
  vote.add(2, bytes(kHonest));
  vote.add(5, bytes(kHonest));
  EXPECT_EQ(vote.state(), State::kResolved);
  EXPECT_EQ(text(vote.winner()), kHonest);
  EXPECT_THAT(vote.outvoted(), ElementsAre(1, 8));
  EXPECT_THAT(vote.missing(), IsEmpty());
  EXPECT_THAT(vote.candidates()[1].workers, ElementsAre(3, 2, 5));  // in the order of answers
}

TEST(SliceVote, IsWonByLiarsWhoOwnTheMajority) {
  SliceVote vote(kThree);
  vote.add(4, bytes(kLie));
  vote.add(7, bytes(kLie));
  vote.add(9, bytes(kHonest));
  EXPECT_EQ(text(vote.winner()), kLie);
  EXPECT_THAT(vote.outvoted(), ElementsAre(9));
}

TEST(SliceVote, NeedsAMajorityOfTheAssignedAndNotOfTheAnswers) {
  SliceVote vote(kFive);
  vote.add(1, bytes(kHonest));
  vote.add(2, bytes(kHonest));
  vote.give_up(3);
  vote.give_up(5);
  EXPECT_EQ(vote.state(), State::kOpen);  // worker 8 may still make three
  vote.give_up(8);
  EXPECT_EQ(vote.state(), State::kUnresolved);
}

TEST(SliceVote, DoesNotResolveAnEvenGroupByHalf) {
  SliceVote vote(kFour);
  vote.add(0, bytes(kHonest));
  vote.add(1, bytes(kHonest));
  vote.add(2, bytes(kLie));
  EXPECT_EQ(vote.state(), State::kOpen);
  vote.add(3, bytes(kLie));
  EXPECT_EQ(vote.state(), State::kUnresolved);
}

TEST(SliceVote, ClosesAtOnceWhereNoMajorityIsPossible) {
  SliceVote vote(kFive);
  vote.add(1, bytes(kA));
  vote.add(2, bytes(kB));
  vote.add(3, bytes(kC));
  EXPECT_EQ(vote.state(), State::kOpen);  // two of a kind would join one of these
  vote.add(5, bytes(kD));
  EXPECT_EQ(vote.state(), State::kUnresolved);
}

TEST(SliceVote, GivesUpOnASliceWithoutAnyAnswer) {
  SliceVote vote(kThree);
  vote.give_up(4);
  EXPECT_EQ(vote.state(), State::kOpen);
  vote.give_up(7);
  EXPECT_EQ(vote.state(), State::kUnresolved);
  vote.give_up(1000);  // not assigned: changes nothing
  EXPECT_THAT(vote.missing(), ElementsAre(4, 7, 9));
}

TEST(SliceVote, CountsAnAnswerThatComesAfterGivingUpWhileTheSliceIsOpen) {
  SliceVote vote(kThree);
  vote.give_up(4);
  EXPECT_EQ(vote.add(4, bytes(kHonest)), Verdict::kCounted);
  EXPECT_EQ(vote.add(9, bytes(kHonest)), Verdict::kCounted);
  EXPECT_EQ(vote.state(), State::kResolved);
}

TEST(SliceVote, StaysClosedWhateverComesLater) {
  SliceVote vote(kThree);
  vote.give_up(4);
  vote.give_up(7);
  EXPECT_EQ(vote.add(4, bytes(kHonest)), Verdict::kTooLate);
  EXPECT_EQ(vote.add(9, bytes(kHonest)), Verdict::kTooLate);
  EXPECT_EQ(vote.add(7, bytes(kHonest)), Verdict::kTooLate);
  EXPECT_EQ(vote.state(), State::kUnresolved);
  EXPECT_THAT(vote.missing(), IsEmpty());  // late is not missing
  EXPECT_EQ(vote.add(9, bytes(kHonest)), Verdict::kRepeated);
  EXPECT_EQ(vote.add(9, bytes(kLie)), Verdict::kEquivocated);
}

TEST(SliceVote, StaysResolvedWhateverComesLater) {
  SliceVote vote(kThree);
  vote.add(4, bytes(kHonest));
  vote.add(7, bytes(kHonest));
  vote.give_up(9);
  EXPECT_EQ(vote.state(), State::kResolved);
  EXPECT_EQ(vote.add(9, bytes(kLie)), Verdict::kCounted);
  EXPECT_EQ(text(vote.winner()), kHonest);
  EXPECT_THAT(vote.outvoted(), ElementsAre(9));
}

TEST(SliceVote, IsClosedFromTheStartWhereNobodyIsAssigned) {
  EXPECT_EQ(SliceVote({}).state(), State::kUnresolved);
}

TEST(SliceVote, KeepsTheFirstAnswerOfAWorker) {
  SliceVote vote(kThree);
  EXPECT_EQ(vote.add(4, bytes(kHonest)), Verdict::kCounted);
  EXPECT_EQ(vote.add(4, bytes(kHonest)), Verdict::kRepeated);
  EXPECT_EQ(vote.state(), State::kOpen) << "one worker must not make a majority";
  EXPECT_EQ(vote.add(4, bytes(kLie)), Verdict::kEquivocated);
  EXPECT_EQ(vote.add(7, bytes(kLie)), Verdict::kCounted);
  EXPECT_EQ(vote.state(), State::kOpen);
  EXPECT_EQ(vote.add(9, bytes(kHonest)), Verdict::kCounted);
  EXPECT_EQ(text(vote.winner()), kHonest);
}

TEST(SliceVote, IgnoresWorkersThatAreNotAssigned) {
  SliceVote vote(kThree);
  EXPECT_EQ(vote.add(5, bytes(kLie)), Verdict::kNotAssigned);
  EXPECT_EQ(vote.add(0, bytes(kLie)), Verdict::kNotAssigned);
  EXPECT_EQ(vote.state(), State::kOpen);
  EXPECT_THAT(vote.candidates(), IsEmpty());
}

TEST(SliceVote, LetsNanVoteLikeAnyOtherValue) {
  const std::vector<float> nan(3, std::numeric_limits<float>::quiet_NaN());
  const std::vector<float> same(nan.begin(), nan.end());
  std::vector<float> other_payload = nan;
  reinterpret_cast<unsigned char*>(other_payload.data())[0] ^= 1U;
  SliceVote vote(kThree);
  vote.add(4, std::as_bytes(std::span(nan)));
  vote.add(7, std::as_bytes(std::span(other_payload)));
  EXPECT_EQ(vote.state(), State::kOpen);
  vote.add(9, std::as_bytes(std::span(same)));
  EXPECT_EQ(vote.state(), State::kResolved);
  EXPECT_THAT(vote.outvoted(), ElementsAre(7));
}

TEST(SliceVote, TellsZeroFromMinusZeroAndAnswersOfOtherLengths) {
  const std::vector<float> plus = {0.0F}, minus = {-0.0F};
  SliceVote vote(kThree);
  vote.add(4, std::as_bytes(std::span(plus)));
  vote.add(7, std::as_bytes(std::span(minus)));
  vote.add(9, std::span<const std::byte>());
  EXPECT_EQ(vote.state(), State::kUnresolved);
  EXPECT_EQ(vote.candidates().size(), 3U);
}

TEST(SliceVote, LetsEmptyAnswersAgree) {
  SliceVote vote(kThree);
  vote.add(4, {});
  vote.add(9, {});
  EXPECT_EQ(vote.state(), State::kResolved);
  EXPECT_TRUE(vote.winner().empty());
}

TEST(SliceVote, TakesTheWordOfASingleReplica) {
  const std::vector<std::uint32_t> one = {3};
  SliceVote vote(one);
  vote.add(3, bytes(kLie));
  EXPECT_EQ(vote.state(), State::kResolved);
}

}  // namespace
}  // namespace detox
