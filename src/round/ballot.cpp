#include "round/ballot.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace detox {
namespace {

constexpr std::size_t kLateSteps = 2;

}  // namespace

std::optional<Suspicion> RecentSteps::compare(const IncomingAnswer& answer) {
  for (Step& step : steps_) {
    if (step.step != answer.step) continue;
    const Digest digest = digest_of(answer.bytes);
    const auto [first, is_first] = step.said.emplace(answer.worker, digest);
    if (!is_first) {
      return first->second == digest ? std::nullopt : std::optional(Suspicion::kEquivocated);
    }
    step.unheard.erase(answer.worker);
    const auto found = step.majorities.find(answer.slice);
    if (found == step.majorities.end()) return std::nullopt;
    return digest == found->second ? Suspicion::kLateAgree : Suspicion::kLateOutvoted;
  }
  return std::nullopt;
}

std::vector<LedgerEntry> RecentSteps::add(Step step) {
  steps_.push_back(std::move(step));
  std::vector<LedgerEntry> missing;
  if (steps_.size() <= kLateSteps) return missing;
  const Step& oldest = steps_.front();
  for (const auto& [worker, slice] : oldest.unheard)
    missing.push_back({oldest.step, slice, worker, Suspicion::kMissing});
  steps_.pop_front();
  return missing;
}

Ballot::Ballot(const Parts& parts) : parts_(parts) {
  for (const auto& workers : parts.assignment.workers_of_slice)
    slices_.push_back({SliceVote(workers)});
  for (std::uint32_t worker = 0; worker < parts.absent.size(); ++worker) {
    if (parts.absent[worker]) slices_[slice_of(worker)].vote.give_up(worker);
  }
}

/// What a worker can do any number of times in a step is one entry: a flood must not fill the disk.
void Ballot::log_once(const LedgerEntry& entry) {
  if (std::ranges::find(ledger_, entry) == ledger_.end()) ledger_.push_back(entry);
}

void Ballot::note(std::uint32_t worker, Suspicion kind) {
  log_once({parts_.step, slice_of(worker), worker, kind});
}

void Ballot::count(const IncomingAnswer& answer) {
  const auto begin = parts_.clock.now();
  if (answer.step != parts_.step) {
    if (const auto seen = parts_.recent.compare(answer))
      log_once({answer.step, answer.slice, answer.worker, *seen});
  } else if (answer.slice != slice_of(answer.worker) ||
             (!answer.is_digest && answer.bytes.size() != parts_.answer_bytes)) {
    note(answer.worker, Suspicion::kMalformed);
  } else {
    Slice& slice = slices_[answer.slice];
    if (slice.vote.add(answer.worker, answer.bytes) == SliceVote::Verdict::kEquivocated)
      note(answer.worker, Suspicion::kEquivocated);
    slice.by_digest = answer.is_digest;
    if (!slice.by_digest && state(answer.slice) == SliceState::kMajority)
      settle(answer.slice, slice.vote.winner());
  }
  seconds_ += parts_.clock.seconds_since(begin);
}

SliceState Ballot::state(std::uint32_t index) const {
  const Slice& slice = slices_[index];
  if (slice.answer) return SliceState::kHere;
  switch (slice.vote.state()) {
    case SliceVote::State::kOpen:
      return SliceState::kOpen;
    case SliceVote::State::kResolved:
      return slice.is_undelivered ? SliceState::kGivenUp : SliceState::kMajority;
    case SliceVote::State::kUnresolved:
      return SliceState::kGivenUp;
  }
  DETOX_ASSERT(false);
}

std::optional<Majority> Ballot::majority(std::uint32_t slice) const {
  const SliceVote& vote = slices_[slice].vote;
  if (vote.state() != SliceVote::State::kResolved) return std::nullopt;
  const std::span<const std::byte> winner = vote.winner();
  for (const SliceVote::Candidate& candidate : vote.candidates()) {
    if (candidate.answer.data() == winner.data()) return Majority{winner, candidate.workers};
  }
  DETOX_ASSERT(false);
}

void Ballot::settle(std::uint32_t slice, std::optional<std::span<const std::byte>> answer) {
  DETOX_ASSERT(!answer || answer->size() == parts_.answer_bytes);
  DETOX_ASSERT(state(slice) == SliceState::kMajority);
  slices_[slice].answer = answer;
  slices_[slice].is_undelivered = !answer;
  if (answer) in_order_.push_back(slice);
}

void Ballot::close(bool only_late) {
  RecentSteps::Step step{parts_.step, {}, {}, {}};
  for (std::uint32_t index = 0; index < slices_.size(); ++index) {
    SliceVote& vote = slices_[index].vote;
    const std::vector<std::uint32_t> silent = vote.missing();
    for (const std::uint32_t worker : silent) {
      if (parts_.absent[worker]) continue;
      if (only_late) {
        step.unheard[worker] = index;
      } else {
        note(worker, Suspicion::kMissing);
      }
      vote.give_up(worker);
    }
    for (const SliceVote::Candidate& candidate : vote.candidates()) {
      if (!slices_[index].by_digest) break;
      for (const std::uint32_t worker : candidate.workers)
        step.said[worker] = digest_of(candidate.answer);
    }
    if (vote.state() != SliceVote::State::kResolved) continue;
    for (const std::uint32_t worker : vote.outvoted())
      ledger_.push_back({parts_.step, index, worker, Suspicion::kOutvoted});
    // Hashed only where somebody may still come late: a digest costs more than the vote.
    if (!silent.empty()) step.majorities[index] = digest_of(vote.winner());
  }
  const std::vector<LedgerEntry> missing = parts_.recent.add(std::move(step));
  ledger_.insert(ledger_.end(), missing.begin(), missing.end());
  in_order_.resize(std::min(in_order_.size(), parts_.enough));
  std::ranges::sort(in_order_);
}

std::vector<std::uint32_t> Ballot::counted(std::uint32_t slice) const {
  const auto winners = majority(slice);
  if (!winners || !slices_[slice].answer) return {};
  std::vector<std::uint32_t> workers = winners->workers;
  std::ranges::sort(workers);
  return workers;
}

std::vector<std::uint32_t> Ballot::unresolved() const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t slice = 0; slice < slices_.size(); ++slice) {
    if (counted(slice).empty()) found.push_back(slice);
  }
  return found;
}

}  // namespace detox
