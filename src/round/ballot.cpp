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
    if (step.round != answer.round) continue;
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
    missing.push_back({step_of_round(oldest.round), slice, worker, Suspicion::kMissing});
  steps_.pop_front();
  return missing;
}

Ballot::Ballot(const Parts& parts) : parts_(parts), orders_of_(parts.assignment.workers()) {
  for (std::uint32_t slice = 0; slice < parts.assignment.slices(); ++slice) {
    std::vector<std::uint32_t> electorate = parts.assignment.workers_of_slice[slice];
    const std::span<const std::uint32_t> spares = parts.assignment.spares(slice);
    electorate.insert(electorate.end(), spares.begin(), spares.end());
    slices_.push_back({SliceVote(electorate, quorum(slice))});
    for (const std::uint32_t worker : electorate) {
      if (!takes_part(worker, slice)) slices_[slice].vote.give_up(worker);
    }
  }
  for (std::uint32_t slice = 0; slice < parts.assignment.slices(); ++slice) ask_as_needed(slice);
}

bool Ballot::takes_part(std::uint32_t worker, std::uint32_t slice) const {
  if (parts_.absent[worker]) return false;
  return parts_.recorded == nullptr ||
         std::ranges::binary_search(parts_.recorded->slices[slice].counted, worker);
}

/// Equal answers that make a slice, before anything is disputed.
std::size_t Ballot::quorum(std::uint32_t slice) const {
  const std::size_t list = parts_.assignment.workers_of_slice[slice].size();
  if (parts_.assignment.spares_of_slice.empty()) return list / 2 + 1;
  const std::size_t all =
      parts_.recorded != nullptr ? parts_.recorded->slices[slice].counted.size() : list;
  return std::max<std::size_t>(1, all);
}

/// Whether one order more leaves liars no more slices than the rule bears, whoever they are.
bool Ballot::may_order(std::uint32_t worker) {
  if (parts_.arbitration == nullptr) return true;
  const Dealing& dealing = parts_.arbitration->dealing;
  std::vector<std::size_t> orders = orders_of_;
  ++orders[worker];
  return dealing.rows_owned(most_orders(std::move(orders), parts_.arbitration->liars)) <=
         dealing.f();
}

/// False where nobody is left.
bool Ballot::ask_next(std::uint32_t index) {
  Slice& slice = slices_[index];
  const std::vector<std::uint32_t>& workers = parts_.assignment.workers_of_slice[index];
  const std::span<const std::uint32_t> spares = parts_.assignment.spares(index);
  while (slice.next < workers.size() + spares.size()) {
    const bool is_spare = slice.next >= workers.size();
    const std::uint32_t worker =
        is_spare ? spares[slice.next - workers.size()] : workers[slice.next];
    ++slice.next;
    if (!takes_part(worker, index)) continue;
    // What an arbiter asks for is compared, so that no liar owns it alone.
    if (is_spare && !slice.is_disputed && !may_order(worker)) continue;
    if (!slice.is_disputed) ++orders_of_[worker];
    slice.asked.insert(std::ranges::upper_bound(slice.asked, worker), worker);
    slice.waited_for.push_back(worker);
    orders_.push_back({worker, index});
    return true;
  }
  return false;
}

/// Nobody is asked beyond the shortest beginning of the list that can win: each who is asked is
/// needed for that, whatever the others say who are waited for.
void Ballot::ask_as_needed(std::uint32_t index) {
  Slice& slice = slices_[index];
  // All are heard first who were asked: who is convicted must not depend on who is quick. What is
  // promised and not delivered may be a lie as well.
  if (parts_.arbitration != nullptr && !slice.is_disputed && slice.vote.candidates().size() > 1) {
    const SliceState now = state(index);
    const bool is_open =
        now == SliceState::kOpen || (now == SliceState::kMajority && slice.is_overdue);
    if (!slice.waited_for.empty() || !is_open) return;
    dispute(index);
  }
  const bool asks_all =
      parts_.recorded != nullptr || (!parts_.is_lazy && parts_.arbitration == nullptr);
  const auto is_needed = [&] {
    if (asks_all) return true;
    return !slice.is_at_server && slice.vote.state() == SliceVote::State::kOpen &&
           slice.vote.most_equal() + slice.waited_for.size() < slice.vote.quorum();
  };
  while (is_needed() && ask_next(index)) {
  }
  if (parts_.arbitration != nullptr && slice.waited_for.empty()) require_less(index);
}

std::vector<SliceOrder> Ballot::take_orders() { return std::exchange(orders_, {}); }

void Ballot::pass_over(const SliceOrder& order) {
  if (std::erase(slices_[order.slice].waited_for, order.worker) == 0) return;
  ask_as_needed(order.slice);
  settle_copy(order.slice);  // what others have said may be enough now
}

void Ballot::make_do(std::uint32_t index) {
  if (parts_.arbitration == nullptr) return;
  Slice& slice = slices_[index];
  const bool was_disputed = slice.is_disputed, was_open = state(index) == SliceState::kOpen;
  require_less(index);
  // Who says otherwise before the answer is here is still compared with it.
  if (was_open && !was_disputed && state(index) == SliceState::kMajority) slice.is_overdue = true;
  settle_copy(index);
}

bool Ballot::ask_another(std::uint32_t slice) {
  DETOX_ASSERT(state(slice) == SliceState::kMajority);
  slices_[slice].is_overdue = true;
  return !slices_[slice].waited_for.empty() || ask_next(slice);
}

/// What a worker can do any number of times in a step is one entry: a flood must not fill the disk.
void Ballot::log_once(const LedgerEntry& entry) {
  if (std::ranges::find(ledger_, entry) == ledger_.end()) ledger_.push_back(entry);
}

void Ballot::note(const SliceOrder& of, Suspicion kind) {
  log_once({step(), of.slice, of.worker, kind});
}

void Ballot::note(std::uint32_t worker, Suspicion kind) {
  const std::vector<std::uint32_t>& slices = parts_.assignment.slices_of_worker[worker];
  note({worker, slices.empty() ? 0 : slices.front()}, kind);
}

void Ballot::count(const IncomingAnswer& answer) {
  const auto begin = parts_.clock.now();
  if (answer.worker == kTheServer) {
    take_truth(answer);
  } else if (answer.round != parts_.round) {
    if (const auto seen = parts_.recent.compare(answer))
      log_once({step_of_round(answer.round), answer.slice, answer.worker, *seen});
  } else if (!is_its_own(answer.worker, answer.slice)) {
    note(answer.worker, Suspicion::kMalformed);
  } else if (!answer.is_digest && answer.bytes.size() != parts_.answer_bytes) {
    note({answer.worker, answer.slice}, Suspicion::kMalformed);
  } else {
    take_answer(answer);
  }
  seconds_ += parts_.clock.seconds_since(begin);
}

bool Ballot::is_its_own(std::uint32_t worker, std::uint32_t slice) const {
  return parts_.assignment.is_assigned(worker, slice) ||
         (parts_.assignment.is_spare(worker, slice) &&
          std::ranges::binary_search(slices_[slice].asked, worker));
}

void Ballot::take_answer(const IncomingAnswer& answer) {
  Slice& slice = slices_[answer.slice];
  const bool was_open = slice.vote.state() == SliceVote::State::kOpen;
  if (slice.vote.add(answer.worker, answer.bytes) == SliceVote::Verdict::kEquivocated)
    note({answer.worker, answer.slice}, Suspicion::kEquivocated);
  std::erase(slice.waited_for, answer.worker);
  slice.by_digest = answer.is_digest;
  const bool agree = slice.vote.candidates().size() == 1 && slice.vote.most_equal() > 1;
  if (was_open && agree && slice.vote.state() == SliceVote::State::kResolved &&
      parts_.arbitration != nullptr && !slice.is_disputed &&
      parts_.arbitration->rechecked[answer.slice]) {
    recheck(answer.slice);
  }
  ask_as_needed(answer.slice);
  settle_copy(answer.slice);
}

/// Where whole answers are compared, the one that wins is here.
void Ballot::settle_copy(std::uint32_t index) {
  const Slice& slice = slices_[index];
  if (!slice.by_digest && state(index) == SliceState::kMajority) settle(index, slice.vote.winner());
}

void Ballot::dispute(std::uint32_t index) {
  Slice& slice = slices_[index];
  slice.is_disputed = true;
  slice.is_at_server = parts_.arbitration->by_server;
  if (slice.is_at_server) {
    orders_.push_back({kTheServer, index});
  } else {
    slice.vote.require(parts_.arbitration->truth);
  }
}

/// Where so few are left that workers could not decide it, there is none.
void Ballot::recheck(std::uint32_t index) {
  Slice& slice = slices_[index];
  if (!parts_.arbitration->by_server) {
    if (!slice.vote.can_win(parts_.arbitration->truth)) return;
    slice.agreed = slice.vote.quorum();
  }
  dispute(index);
}

/// Those who were to be compared with do not answer. Of a recheck: too few have, and none of them
/// otherwise, so that the copies count as if nobody had asked.
void Ballot::require_less(std::uint32_t index) {
  Slice& slice = slices_[index];
  SliceVote& vote = slice.vote;
  if (vote.state() != SliceVote::State::kOpen || vote.candidates().size() != 1) return;
  const std::size_t copies = parts_.arbitration->dealing.copies;
  if (slice.agreed > 0) {
    vote.require(std::exchange(slice.agreed, 0));
    slice.is_disputed = false;
  } else if (!slice.is_disputed && vote.most_equal() >= copies) {
    vote.require(copies);
  }
}

/// Where it is what nobody else has said, somebody is wrong who is never doubted: more workers are
/// asked, and the server is heard no further.
void Ballot::take_truth(const IncomingAnswer& answer) {
  Slice& slice = slices_[answer.slice];
  DETOX_ASSERT(slice.is_at_server);
  slice.is_at_server = false;
  slice.server_has_it = true;
  const auto& candidates = slice.vote.candidates();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!std::ranges::equal(candidates[i].answer, answer.bytes)) continue;
    slice.vote.decide(i);
    if (!slice.by_digest) settle(answer.slice, slice.vote.winner());
    return;
  }
  ++server_was_alone_;
  slice.vote.require(parts_.arbitration->truth);
  ask_as_needed(answer.slice);
  settle_copy(answer.slice);
}

std::vector<std::uint32_t> Ballot::computed_by_server() const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t slice = 0; slice < slices_.size(); ++slice) {
    if (slices_[slice].server_has_it) found.push_back(slice);
  }
  return found;
}

SliceState Ballot::state(std::uint32_t index) const {
  const Slice& slice = slices_[index];
  if (slice.answer) return SliceState::kHere;
  if (slice.is_at_server) return SliceState::kOpen;
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
  RecentSteps::Step step{parts_.round, {}, {}, {}};
  for (std::uint32_t index = 0; index < slices_.size(); ++index)
    close_slice(index, only_late, step);
  const std::vector<LedgerEntry> missing = parts_.recent.add(std::move(step));
  ledger_.insert(ledger_.end(), missing.begin(), missing.end());
  in_order_.resize(std::min(in_order_.size(), parts_.enough));
  std::ranges::sort(in_order_);
}

void Ballot::close_slice(std::uint32_t index, bool only_late, RecentSteps::Step& step) {
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
  if (vote.state() != SliceVote::State::kResolved) return;
  // What one worker said, and nobody has compared, accuses nobody who says something else.
  if (parts_.arbitration != nullptr && !slices_[index].is_disputed) return;
  accuse(index);
  // Hashed only where somebody may still come late: a digest costs more than the vote.
  if (may_come_late) step.majorities[index] = digest_of(vote.winner());
}

void Ballot::accuse(std::uint32_t index) {
  const SliceVote& vote = slices_[index].vote;
  const std::vector<std::uint32_t> outvoted = vote.outvoted();
  if (!slices_[index].is_disputed) {
    for (const std::uint32_t worker : outvoted)
      ledger_.push_back({step(), index, worker, Suspicion::kOutvoted});
    return;
  }
  if (outvoted.empty()) return;
  Proof proof{.said = {}, .truth = digest_of(vote.winner()), .by_server = vote.is_decided()};
  for (const SliceVote::Candidate& candidate : vote.candidates()) {
    if (candidate.answer.data() == vote.winner().data()) continue;
    proof.said = digest_of(candidate.answer);
    for (const std::uint32_t worker : candidate.workers)
      ledger_.push_back({step(), index, worker, Suspicion::kConvicted, proof});
  }
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
