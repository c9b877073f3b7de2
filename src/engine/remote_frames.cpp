// What comes from workers: taken in, looked at, and counted or thrown away.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "engine/remote_fleet.hpp"

namespace detox {
namespace {

constexpr std::chrono::milliseconds kPollWhileFetching(20);
constexpr std::chrono::milliseconds kPollWhileChecking(1);
constexpr std::size_t kChunksAThread = 8;      // under way to be checked
constexpr std::size_t kMostAtOnce = 256;       // frames, before it looks at the time
constexpr std::size_t kMostUnderWay = 64;      // chunks to be checked, on any number of cores
constexpr std::size_t kMostTimesServed = 4;    // the weights, to one worker in one step
constexpr std::uint64_t kMostOfOthers = 1000;  // frames of who is left out
constexpr std::size_t kWindowsAtEnd = 8;       // frames of each worker, when the time is over

}  // namespace

/// The time is over; what lies in the queue has come in time. It may be the end of a flood.
void RemoteFleet::take_what_is_here(const StepOrder& order, StepVotes& votes) {
  const std::size_t largest = max_frame_from_worker(parts_.answer);
  for (std::size_t taken = 0; taken < kMostAtOnce + kWindowsAtEnd * peers_.size(); ++taken) {
    auto frame = parts_.transport.receive(std::chrono::milliseconds(0), largest);
    if (!frame) break;
    take_frame(std::move(*frame), order, votes);
    if (fetch_.taken() < kMostUnderWay) continue;
    fetch_.wait_for_all();
    if (fetch_.check(now_)) last_news_ = now_;
  }
  fetch_.wait_for_all();
}

/// Waits for a frame, then takes what else is there, as long as the threads that check have not
/// enough to do. A flood that never ends must not keep the server from its deadline.
void RemoteFleet::take_frames(const StepOrder& order, StepVotes& votes) {
  const std::size_t largest = max_frame_from_worker(parts_.answer);
  const std::size_t enough = std::min(kChunksAThread * parts_.pool.size(), kMostUnderWay);
  if (fetch_.taken() >= enough) return fetch_.wait_for_one();
  auto timeout = fetch_.taken() > 0 || weights_.is_pushing() ? kPollWhileChecking
                 : fetch_.under_way() > 0                    ? kPollWhileFetching
                                                             : kPoll;
  for (std::size_t taken = 0; taken < kMostAtOnce; ++taken) {
    auto frame = parts_.transport.receive(timeout, largest);
    if (!frame) return;
    take_frame(std::move(*frame), order, votes);
    if (fetch_.taken() >= enough || !waits(votes)) return;
    timeout = std::chrono::milliseconds(0);
  }
}

void RemoteFleet::take_frame(ReceivedFrame frame, const StepOrder& order, StepVotes& votes) {
  const std::optional<std::uint32_t> from = worker_of(parts_.ranks, frame.from);
  const FrameView view = parse_frame(frame.bytes);
  if (!from) return reject(frame, view);  // it was left out
  const std::uint32_t worker = *from;
  if (const auto digest = parse_digest(view, parts_.answer); digest && parts_.by_digest) {
    take_digest(worker, *digest, frame, order, votes);
  } else if (const auto chunk = parse_chunk(view, parts_.answer)) {
    take_chunk(worker, *chunk, std::move(frame), order, votes);
  } else if (const auto ask = parse_ask_weights(view, weights_.chunks())) {
    if (order.absent[worker]) return reject(frame, view);
    take_complaint(worker, *ask);
  } else if (const auto failure = parse_failure(view)) {
    lose(worker, *failure, order, votes);
  } else {
    reject(frame, view);
  }
}

void RemoteFleet::reject(const ReceivedFrame& frame, const FrameView& view) {
  if (++rejected_frames_ > kMostWarnings) return;
  log_warning("rank {} sent {} bytes that are no answer ({})", frame.from, frame.bytes.size(),
              verdict_name(view.verdict));
}

/// The run goes on without it; whether it can be defended is seen in the steps.
void RemoteFleet::lose(std::uint32_t worker, const Failure& failure, const StepOrder& order,
                       StepVotes& votes) {
  if (peers_[worker].gone) return;
  peers_[worker].gone = true;
  pass_over_all(worker, order, votes);
  log_warning("rank {}: {}", parts_.ranks[worker], presence_.ended(worker, failure.line));
}

void RemoteFleet::expect(std::uint32_t worker, std::size_t frames) {
  Peer& peer = peers_[worker];
  peer.owed += frames;
  peer.budget.grant(frames, parts_.transport.peer(parts_.ranks[worker]).offered);
}

bool RemoteFleet::take_owed(std::uint32_t worker) {
  std::size_t& owed = peers_[worker].owed;
  return owed > 0 && owed-- > 0;
}

/// Whoever sends what no honest worker sends is not listened to again.
void RemoteFleet::watch_volume(const StepOrder& order, StepVotes& votes) {
  for (const int rank : left_out_) {
    if (parts_.transport.peer(rank).offered > kMostOfOthers) parts_.transport.shut_out(rank);
  }
  const double seconds = clock().seconds_since(last_watch_);
  last_watch_ = clock().now();
  for (std::uint32_t worker = 0; worker < peers_.size(); ++worker) {
    Peer& peer = peers_[worker];
    const int rank = parts_.ranks[worker];
    if (peer.shut_out || rank >= parts_.transport.size()) continue;
    const PeerCounters& seen = parts_.transport.peer(rank);
    peer.budget.pass(seconds, seen.offered);
    if (!seen.shut_out && !peer.budget.is_exceeded(seen.offered)) continue;
    parts_.transport.shut_out(rank);
    peer.shut_out = peer.gone = true;
    pass_over_all(worker, order, votes);
    const bool is_long = seen.oversized > 0;
    votes.note(worker, is_long ? Suspicion::kOversized : Suspicion::kFlood);
    log_warning("rank {} is shut out and the run goes on without it: {}", rank,
                is_long ? "it sent a frame that is longer than any of this run"
                : seen.stray > 0
                    ? "it sent a message that is none of this program"
                    : fmt::format("it sent {} frames, more than it was asked for", seen.offered));
    presence_.ended(worker, "it was shut out");  // which has just been said
  }
}

/// Assigned to it, or given to it in this step because of what others said or did not say.
bool RemoteFleet::is_own(std::uint32_t worker, std::uint32_t slice, const StepOrder& order) const {
  const Ordered& ordered = peers_[worker].orders[0];
  return order.assignment.is_assigned(worker, slice) ||
         (ordered.round == order.round() &&
          std::ranges::find(ordered.slices, slice) != ordered.slices.end());
}

bool RemoteFleet::may_answer(std::uint32_t worker, std::uint64_t round, std::uint32_t slice,
                             const StepOrder& order) {
  Peer& peer = peers_[worker];
  const bool is_owed = take_owed(worker);
  const bool was_ordered = std::ranges::any_of(peer.orders, [&](const Ordered& ordered) {
    return ordered.round == round && step_of_round(round) > 0 &&
           std::ranges::find(ordered.slices, slice) != ordered.slices.end();
  });
  // What nobody ordered is of use only to accuse: an answer for a slice that is not the worker's.
  const bool is_malformed = round == order.round() && !is_own(worker, slice, order);
  if (!order.absent[worker] && !peer.gone && (was_ordered || is_malformed)) return true;
  // An answer may be late by more steps than are remembered.
  const bool is_late = is_owed && step_of_round(round) > 0 && round < order.round();
  if (!is_late) ++rejected_frames_;
  if (is_late && parts_.gives_away) peer.awaited = !peer.gone;
  return false;
}

/// A step may end without one that was not waited for, a moment before it answers, and the next one
/// as well: so what would have been in time for its own step counts.
void RemoteFleet::hear(const IncomingAnswer& answer, const StepOrder& order) {
  Peer& peer = peers_[answer.worker];
  presence_.heard(answer.worker, answer.round);
  const auto of = std::ranges::find(peer.orders, answer.round, &Ordered::round);
  if (of != peer.orders.end()) note_latency(answer, *of, order);
  if (of != peer.orders.end() && (now_ <= of->until || parts_.gives_away)) peer.awaited = true;
  if (answer.round == order.round()) {
    peer.awaited = any_news_ = true;
    const std::size_t owed = open_.owed(answer.worker).size();
    open_.answered(answer.worker, answer.slice);
    if (open_.owed(answer.worker).size() < owed) last_news_ = now_;
    peer.heard = open_.owed(answer.worker).empty();
    if (parts_.asks_others) patience_.answered({answer.worker, answer.slice}, now_);
  }
  if (is_awaited(order, answer.worker)) open_.await(answer.worker);
}

/// Of the first time that it says something about the slice.
void RemoteFleet::note_latency(const IncomingAnswer& answer, Ordered& ordered,
                               const StepOrder& order) {
  const auto slice = std::ranges::find(ordered.slices, answer.slice);
  if (slice == ordered.slices.end()) return;
  auto& since = ordered.since[static_cast<std::size_t>(slice - ordered.slices.begin())];
  if (!since) return;
  const double seconds = clock().seconds_since(*since);
  since.reset();
  if (answer.round == order.round()) {
    latency_.answer(answer.worker, seconds);
  } else {
    late_.push_back({answer.round, answer.worker, seconds});
  }
}

void RemoteFleet::take_digest(std::uint32_t worker, const DigestView& digest, ReceivedFrame& frame,
                              const StepOrder& order, StepVotes& votes) {
  if (!may_answer(worker, digest.step, digest.slice, order)) return;
  const IncomingAnswer answer{.round = digest.step,
                              .worker = worker,
                              .slice = digest.slice,
                              .bytes = digest.bytes,
                              .is_digest = true};
  const std::vector<std::uint32_t>& owed = open_.owed(worker);
  const bool is_first =
      digest.step == order.round() && std::ranges::find(owed, digest.slice) != owed.end();
  if (digest.step != order.round() || is_own(worker, digest.slice, order)) hear(answer, order);
  // The views stay valid: the bytes do not move.
  if (is_first) peers_[worker].digests.push_back(std::move(frame.bytes));
  count(answer, order, votes);
}

void RemoteFleet::take_chunk(std::uint32_t worker, const ChunkView& chunk, ReceivedFrame frame,
                             const StepOrder& order, StepVotes& votes) {
  if (parts_.by_digest) {
    const std::uint64_t round = chunk.step;
    const std::uint32_t slice = chunk.slice;
    if (fetch_.take(worker, std::move(frame), chunk)) {
      take_owed(worker);
      return;
    }
    // One of an earlier step comes late from who was asked for it: another has delivered it.
    if (round == order.round()) {
      ++rejected_frames_;
    } else {
      may_answer(worker, round, slice, order);  // counts what nobody ordered
    }
    return;
  }
  if (!may_answer(worker, chunk.step, chunk.slice, order)) return;
  if (chunk.step == order.round() && !is_own(worker, chunk.slice, order))
    return votes.note(worker, Suspicion::kMalformed);
  const IncomingAnswer answer{chunk.step, worker, chunk.slice, {}};
  switch (copies_.take(worker, chunk)) {
    case FullCopies::Taken::kMore:
      last_news_ = chunk.step == order.round() ? now_ : last_news_;
      break;
    case FullCopies::Taken::kRepeats:
      break;
    case FullCopies::Taken::kWhole:
      hear(answer, order);
      count({chunk.step, worker, chunk.slice, copies_.answer(worker, chunk.step, chunk.slice)},
            order, votes);
      break;
    case FullCopies::Taken::kDiffers:
      if (chunk.step == order.round()) votes.note({worker, chunk.slice}, Suspicion::kEquivocated);
      break;
    case FullCopies::Taken::kUnexpected:
      ++rejected_frames_;
      break;
  }
}

/// An answer changes the state of its slice at most.
void RemoteFleet::count(const IncomingAnswer& answer, const StepOrder& order, StepVotes& votes) {
  votes.count(answer);
  if (answer.round == order.round() && is_own(answer.worker, answer.slice, order))
    look_after(answer.slice, votes);
  give_more_orders(order, votes);
}

void RemoteFleet::take_complaint(std::uint32_t worker, const AskWeightsView& ask) {
  Peer& peer = peers_[worker];
  // It may be about a step that has just ended: another one was its relay then.
  const auto of = std::ranges::find(peer.orders, ask.step, &Ordered::round);
  if (ask.reason != AskReason::kNobodySends && of != peer.orders.end() && of->relay != kNobody)
    complaints_.add(ask.step, worker, of->relay);
  peer.served += ask.chunks.size();
  if (peer.served <= kMostTimesServed * (weights_.chunks().count() + kMaxRequested))
    weights_.serve(parts_.ranks[worker], ask);
}

}  // namespace detox
