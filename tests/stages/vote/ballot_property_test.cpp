// Random ballots against counting every answer anew after each event.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "detox/random.hpp"
#include "stages/vote/slice_vote.hpp"

namespace detox {
namespace {

struct PlainBallot {
  std::vector<std::uint32_t> assigned;
  std::map<std::uint32_t, std::string> answers;
  std::map<std::uint32_t, bool> given_up;
  bool closed = false;

  std::size_t votes(const std::string& answer) const {
    return static_cast<std::size_t>(std::count_if(
        answers.begin(), answers.end(), [&](const auto& vote) { return vote.second == answer; }));
  }
  std::optional<std::string> winner() const {
    for (const auto& [worker, answer] : answers) {
      if (2 * votes(answer) > assigned.size()) return answer;
    }
    return std::nullopt;
  }
  /// Whether some way to fill in the outstanding answers makes a winner.
  bool can_be_won() const {
    std::size_t outstanding = 0, most = 0;
    for (const std::uint32_t worker : assigned) {
      if (answers.contains(worker)) {
        most = std::max(most, votes(answers.at(worker)));
      } else if (!given_up.contains(worker)) {
        ++outstanding;
      }
    }
    return 2 * (most + outstanding) > assigned.size();
  }
  SliceVote::Verdict add(std::uint32_t worker, const std::string& answer) {
    using Verdict = SliceVote::Verdict;
    if (std::find(assigned.begin(), assigned.end(), worker) == assigned.end())
      return Verdict::kNotAssigned;
    if (answers.contains(worker))
      return answers[worker] == answer ? Verdict::kRepeated : Verdict::kEquivocated;
    answers[worker] = answer;
    const bool too_late = closed;
    closed = closed || !can_be_won();
    return too_late ? Verdict::kTooLate : Verdict::kCounted;
  }
  void give_up(std::uint32_t worker) {
    given_up[worker] = true;
    closed = closed || !can_be_won();
  }
};

void expect_same(const PlainBallot& plain, const SliceVote& vote) {
  const auto winner = plain.winner();
  if (plain.closed) {
    EXPECT_EQ(vote.state(), SliceVote::State::kUnresolved);
  } else if (!winner) {
    EXPECT_EQ(vote.state(), SliceVote::State::kOpen);
  } else {
    ASSERT_EQ(vote.state(), SliceVote::State::kResolved);
    const auto bytes = vote.winner();
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), *winner);
    std::vector<std::uint32_t> outvoted;
    for (const auto& [worker, answer] : plain.answers) {
      if (answer != *winner) outvoted.push_back(worker);
    }
    EXPECT_EQ(vote.outvoted(), outvoted);
  }
  std::vector<std::uint32_t> missing;
  for (const std::uint32_t worker : plain.assigned) {
    if (!plain.answers.contains(worker)) missing.push_back(worker);
  }
  EXPECT_EQ(vote.missing(), missing);
}

TEST(SliceVote, AgreesWithACountOfEveryRandomBallot) {
  RandomStream random(key_from_seed(11));
  const std::vector<std::string> choices = {"a", "b", "c", "aa", ""};
  std::size_t resolved = 0, unresolved = 0;
  for (int ballot = 0; ballot < 3000; ++ballot) {
    PlainBallot plain;
    const std::uint64_t replicas = 1 + random.below(9);  // even groups too
    for (std::uint32_t i = 0; i < replicas; ++i) plain.assigned.push_back(2 * i + 1);
    SliceVote vote(plain.assigned);
    const std::uint64_t variety = 1 + random.below(choices.size());
    for (int event = 0; event < 25; ++event) {
      const auto worker = static_cast<std::uint32_t>(random.below(2 * replicas + 1));
      if (random.below(4) == 0) {
        plain.give_up(worker);
        vote.give_up(worker);
      } else {
        const std::string& answer = choices[random.below(variety)];
        EXPECT_EQ(vote.add(worker, std::as_bytes(std::span(answer))), plain.add(worker, answer));
      }
      expect_same(plain, vote);
      if (HasFailure()) return;
    }
    resolved += vote.state() == SliceVote::State::kResolved ? 1 : 0;
    unresolved += vote.state() == SliceVote::State::kUnresolved ? 1 : 0;
  }
  EXPECT_GT(resolved, 300U);  // the ballots are worth something
  EXPECT_GT(unresolved, 300U);
}

}  // namespace
}  // namespace detox
