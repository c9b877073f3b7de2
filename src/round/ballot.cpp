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
    const Step::Order order{answer.worker, answer.slice};
    const auto [first, is_first] = step.said.emplace(order, digest);
    if (!is_first) {
      return first->second == digest ? std::nullopt : std::optional(Suspicion::kEquivocated);
    }
    step.unheard.erase(order);
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
  for (std::uint32_t slice = 0; slice < parts.assignment.slices(); ++slice) {
    const std::vector<std::uint32_t>& workers = parts.assignment.workers_of_slice[slice];
    slices_.push_back({SliceVote(workers)});
    for (const std::uint32_t worker : workers) {
      if (!takes_part(worker, slice)) slices_[slice].vote.give_up(worker);
    }
    ask_as_needed(slice);
  }
}

bool Ballot::takes_part(std::uint32_t worker, std::uint32_t slice) const {
  if (parts_.absent[worker]) return false;
  return parts_.recorded == nullptr ||
         std::ranges::binary_search(parts_.recorded->slices[slice].counted, worker);
}

/// False where nobody is left.
bool Ballot::ask_next(std::uint32_t index) {
  Slice& slice = slices_[index];
  const std::vector<std::uint32_t>& workers = parts_.assignment.workers_of_slice[index];
  while (slice.next < workers.size()) {
    const std::uint32_t worker = workers[slice.next++];
    if (!takes_part(worker, index)) continue;
    slice.asked.insert(std::ranges::upper_bound(slice.asked, worker), worker);
    slice.waited_for.push_back(worker);
    orders_.push_back({worker, index});
    return true;
  }
  return false;
}

/// Nobody is asked beyond the shortest beginning of the list that holds a majority: each who is
/// asked is needed for one, whatever the others say who are waited for.
void Ballot::ask_as_needed(std::uint32_t index) {
  const Slice& slice = slices_[index];
  const std::size_t majority = parts_.assignment.workers_of_slice[index].size() / 2 + 1;
  const auto is_needed = [&] {
    if (!parts_.is_lazy || parts_.recorded != nullptr) return true;
    return slice.vote.state() == SliceVote::State::kOpen &&
           slice.vote.most_equal() + slice.waited_for.size() < majority;
  };
  while (is_needed() && ask_next(index)) {
  }
}

std::vector<SliceOrder> Ballot::take_orders() { return std::exchange(orders_, {}); }

void Ballot::pass_over(const SliceOrder& order) {
  if (std::erase(slices_[order.slice].waited_for, order.worker) > 0) ask_as_needed(order.slice);
}

bool Ballot::ask_another(std::uint32_t slice) {
  DETOX_ASSERT(state(slice) == SliceState::kMajority);
  return parts_.is_lazy && (!slices_[slice].waited_for.empty() || ask_next(slice));
}

/// What a worker can do any number of times in a step is one entry: a flood must not fill the disk.
void Ballot::log_once(const LedgerEntry& entry) {
  if (std::ranges::find(ledger_, entry) == ledger_.end()) ledger_.push_back(entry);
}

void Ballot::note(const SliceOrder& of, Suspicion kind) {
  log_once({parts_.step, of.slice, of.worker, kind});
}

void Ballot::note(std::uint32_t worker, Suspicion kind) {
  note({worker, parts_.assignment.slices_of_worker[worker].front()}, kind);
}

void Ballot::count(const IncomingAnswer& answer) {
  const auto begin = parts_.clock.now();
  if (answer.step != parts_.step) {
    if (const auto seen = parts_.recent.compare(answer))
      log_once({answer.step, answer.slice, answer.worker, *seen});
  } else if (!parts_.assignment.is_assigned(answer.worker, answer.slice)) {
    note(answer.worker, Suspicion::kMalformed);
  } else if (!answer.is_digest && answer.bytes.size() != parts_.answer_bytes) {
    note({answer.worker, answer.slice}, Suspicion::kMalformed);
  } else {
    Slice& slice = slices_[answer.slice];
    if (slice.vote.add(answer.worker, answer.bytes) == SliceVote::Verdict::kEquivocated)
      note({answer.worker, answer.slice}, Suspicion::kEquivocated);
    std::erase(slice.waited_for, answer.worker);
    ask_as_needed(answer.slice);
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
    bool may_come_late = false;
    for (const std::uint32_t worker : vote.missing()) {
      vote.give_up(worker);
      if (!std::ranges::binary_search(slices_[index].asked, worker)) continue;
      may_come_late = true;
      if (only_late) {
        step.unheard.emplace(worker, index);
      } else {
        note({worker, index}, Suspicion::kMissing);
      }
    }
    for (const SliceVote::Candidate& candidate : vote.candidates()) {
      if (!slices_[index].by_digest) break;
      for (const std::uint32_t worker : candidate.workers)
        step.said[{worker, index}] = digest_of(candidate.answer);
    }
    if (vote.state() != SliceVote::State::kResolved) continue;
    for (const std::uint32_t worker : vote.outvoted())
      ledger_.push_back({parts_.step, index, worker, Suspicion::kOutvoted});
    // Hashed only where somebody may still come late: a digest costs more than the vote.
    if (may_come_late) step.majorities[index] = digest_of(vote.winner());
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
