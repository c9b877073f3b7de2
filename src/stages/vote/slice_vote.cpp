// Every candidate is compared with every answer, so unlike a single-pass majority vote
// (Boyer-Moore) no second pass is needed to be sure; r answers cost at most r (r - 1) / 2
// comparisons, and r - 1 where all are honest.
#include "stages/vote/slice_vote.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace detox {
namespace {

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  if (a.size() != b.size()) return false;
  return a.data() == b.data() || a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

SliceVote::SliceVote(std::span<const std::uint32_t> assigned)
    : SliceVote(assigned, assigned.size() / 2 + 1) {}

SliceVote::SliceVote(std::span<const std::uint32_t> replicas, std::size_t quorum)
    : quorum_(quorum) {
  DETOX_ASSERT(quorum > 0);
  for (const std::uint32_t worker : replicas) replicas_.push_back({worker, std::nullopt, false});
  closed_ = !can_win();
}

void SliceVote::require(std::size_t quorum) {
  DETOX_ASSERT(quorum > 0);
  quorum_ = quorum;
  closed_ = closed_ || !can_win();
}

void SliceVote::decide(std::size_t candidate) {
  DETOX_ASSERT(candidate < candidates_.size());
  decided_ = candidate;
  closed_ = false;
}

SliceVote::Replica* SliceVote::find(std::uint32_t worker) {
  const auto found =
      std::find_if(replicas_.begin(), replicas_.end(),
                   [worker](const Replica& replica) { return replica.worker == worker; });
  return found == replicas_.end() ? nullptr : &*found;
}

SliceVote::Verdict SliceVote::add(std::uint32_t worker, std::span<const std::byte> answer) {
  Replica* replica = find(worker);
  if (replica == nullptr) return Verdict::kNotAssigned;
  if (replica->candidate) {
    return same_bytes(candidates_[*replica->candidate].answer, answer) ? Verdict::kRepeated
                                                                       : Verdict::kEquivocated;
  }
  const auto same = std::find_if(
      candidates_.begin(), candidates_.end(),
      [&](const Candidate& candidate) { return same_bytes(candidate.answer, answer); });
  replica->candidate = static_cast<std::size_t>(same - candidates_.begin());
  if (same == candidates_.end()) candidates_.push_back({answer, {}});
  candidates_[*replica->candidate].workers.push_back(worker);
  if (closed_) return Verdict::kTooLate;
  closed_ = !can_win();
  return Verdict::kCounted;
}

void SliceVote::give_up(std::uint32_t worker) {
  if (Replica* replica = find(worker)) replica->given_up = true;
  closed_ = closed_ || !can_win();
}

std::optional<std::size_t> SliceVote::winning() const {
  if (closed_) return std::nullopt;
  if (decided_) return decided_;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].workers.size() >= quorum_) return i;
  }
  return std::nullopt;
}

std::size_t SliceVote::most_equal() const {
  std::size_t most = 0;
  for (const Candidate& candidate : candidates_) most = std::max(most, candidate.workers.size());
  return most;
}

bool SliceVote::can_win(std::size_t quorum) const {
  std::size_t outstanding = 0;
  for (const Replica& replica : replicas_)
    outstanding += !replica.candidate && !replica.given_up ? 1 : 0;
  return most_equal() + outstanding >= quorum;
}

SliceVote::State SliceVote::state() const {
  if (closed_) return State::kUnresolved;
  return winning() ? State::kResolved : State::kOpen;
}

std::span<const std::byte> SliceVote::winner() const {
  const auto index = winning();
  DETOX_ASSERT(index.has_value());
  return candidates_[*index].answer;
}

std::vector<std::uint32_t> SliceVote::outvoted() const {
  const auto index = winning();
  DETOX_ASSERT(index.has_value());
  std::vector<std::uint32_t> workers;
  for (const Replica& replica : replicas_) {
    if (replica.candidate && replica.candidate != index) workers.push_back(replica.worker);
  }
  return workers;
}

std::vector<std::uint32_t> SliceVote::missing() const {
  std::vector<std::uint32_t> workers;
  for (const Replica& replica : replicas_) {
    if (!replica.candidate) workers.push_back(replica.worker);
  }
  return workers;
}

}  // namespace detox
