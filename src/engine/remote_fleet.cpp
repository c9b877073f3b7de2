#include "engine/remote_fleet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>

#include "base/as_error.hpp"
#include "base/assert.hpp"
#include "base/log.hpp"
#include "base/worker_names.hpp"
#include "comm/slice_lists.hpp"
#include "detox/errors.hpp"
#include "exchange/answer_digests.hpp"

namespace detox {
namespace {

constexpr std::chrono::seconds kFarewell(2);  // the dead never take in what they were sent
constexpr std::size_t kSilentSteps = 3;
constexpr std::size_t kTriedEvery = 16;   // steps, a worker that is not waited for
constexpr std::size_t kMostUntaken = 16;  // steps
constexpr std::size_t kOtherFrames = 64;  // of a worker in a step, besides answers and questions
constexpr double kLeastWaitToldSeconds = 5, kTimesTheLongestStep = 3, kFirstStepSeconds = 10;

std::uint64_t milliseconds(double seconds) {
  constexpr double kMost = 1e9;
  return static_cast<std::uint64_t>(std::clamp(seconds, 0.001, kMost) * 1000);
}

}  // namespace

RemoteFleet::RemoteFleet(const Parts& parts)
    : parts_(parts),
      peers_(parts.ranks.size()),
      weights_(parts.transport, parts.weights),
      patience_(peers_.size()),
      fetch_(parts.answer, peers_.size(), parts.slices,
             {.threads = parts.pool.size(),
              .q = parts.q,
              .compression = parts.compression,
              .least_patience_s = parts.least_chunk_patience_s,
              .make_tasks = parts.make_tasks}),
      copies_(parts.answer, peers_.size(), parts.lists, parts.compression),
      complaints_(peers_.size(), parts.q),
      to_workers_(parts.transport),
      to_left_out_(parts.transport),
      presence_(parts.ranks.size(), parts.slices, parts.q, parts.gives_away),
      last_watch_(clock().now()) {
  for (int rank = 1; rank < parts_.transport.size(); ++rank) {
    (worker_of(parts_.ranks, rank) ? ranks_here_ : left_out_).push_back(rank);
  }
  for (std::size_t worker = 0; worker < peers_.size(); ++worker)
    peers_[worker].gone = parts_.ranks[worker] >= parts_.transport.size();
}

void RemoteFleet::start(const WorkerSettings& settings, double server_timeout_s) {
  const FrameBytes start = make_start(to_json(settings));
  for (int rank = 1; rank < parts_.transport.size(); ++rank) parts_.transport.send(rank, start);
  to_workers_.start(server_timeout_s);
  to_left_out_.start(server_timeout_s);
}

/// Idle workers that have kept up, those nearest to the server of whom nobody complains and who
/// complain of nobody. Whose turn it is to be there changes with the step.
std::vector<std::uint32_t> RemoteFleet::relaying_workers(const StepOrder& order) const {
  std::vector<std::uint32_t> workers;
  const auto count = static_cast<std::uint32_t>(peers_.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto worker = static_cast<std::uint32_t>((order.step + i) % count);
    if (is_awaited(order, worker) && peers_[worker].heard &&
        parts_.transport.is_idle(parts_.ranks[worker]))
      workers.push_back(worker);
  }
  std::ranges::stable_sort(workers, {},
                           [this](std::uint32_t worker) { return complaints_.place(worker); });
  return workers;
}

void RemoteFleet::give_orders(const StepOrder& order, double limit_s, StepVotes& votes) {
  const bool are_hashed = order.digests.chunk_bytes == weights_.chunks().chunk_bytes;
  weights_.begin(order.round(), order.parameters, order.statistics, parts_.pool,
                 are_hashed ? order.digests.chunks : std::span<const Digest>());
  to_workers_.heard();
  const std::vector<std::uint32_t> relaying = relaying_workers(order);
  const std::vector<RelayPlace> tree =
      parts_.relays ? relay_tree(relaying.size()) : std::vector<RelayPlace>(relaying.size());
  std::vector<std::size_t> place_of(peers_.size(), RelayPlace::kServer);
  const auto rank_of = [this](std::uint32_t worker) {
    return static_cast<std::uint32_t>(parts_.ranks[worker]);
  };
  std::vector<int> direct;
  for (std::size_t place = 0; place < relaying.size(); ++place) {
    place_of[relaying[place]] = place;
    if (tree[place].from == RelayPlace::kServer) direct.push_back(parts_.ranks[relaying[place]]);
  }
  const std::vector<bool> reachable = find_reachable(order);
  open_slices(order);
  std::vector<std::vector<std::uint32_t>> slices(peers_.size());
  for (auto orders = votes.take_orders(); !orders.empty(); orders = votes.take_orders()) {
    for (const SliceOrder& one : orders) {
      DETOX_ASSERT(one.worker != kTheServer);  // nothing has been said yet
      slices[one.worker].push_back(one.slice);
      if (!reachable[one.worker] || !is_awaited(order, one.worker)) pass_over(one, votes);
    }
  }
  const std::vector<std::uint32_t> assignment =
      parts_.send_assignment ? words_of_lists(order.assignment.workers_of_slice)
                             : std::vector<std::uint32_t>();
  for (std::uint32_t worker = 0; worker < peers_.size(); ++worker) {
    Peer& peer = peers_[worker];
    const int rank = parts_.ranks[worker];
    const bool is_asked = !slices[worker].empty(), was_heard = peer.heard;
    peer.heard = peer.heard && !is_asked;
    peer.served = 0;
    peer.digests.clear();
    if (is_asked) presence_.expect(worker, order.round(), clock().now());
    if (order.absent[worker] || peer.gone) continue;
    peer.silent_steps = was_heard ? 0 : peer.silent_steps + (is_asked ? 1 : 0);
    if (!reachable[worker]) continue;
    std::rotate(peer.orders.begin(), peer.orders.end() - 1, peer.orders.end());
    peer.orders[0] = {order.round(),
                      {},
                      {},
                      kNobody,
                      begin_ + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(limit_s))};
    OrderView told{.step = order.round(),
                   .slice = kNoSlice,
                   .weights_from = kNobody,
                   .assignment = assignment,
                   .weights_digests = weights_.digests(),
                   .deadline_ms = milliseconds(limit_s)};
    std::vector<std::uint32_t> relay_to;
    if (const std::size_t place = place_of[worker]; place != RelayPlace::kServer) {
      const std::size_t from = tree[place].from;
      if (from != RelayPlace::kServer) peer.orders[0].relay = relaying[from];
      told.weights_from = from == RelayPlace::kServer ? 0 : rank_of(relaying[from]);
      for (const std::size_t below : tree[place].to) relay_to.push_back(rank_of(relaying[below]));
    }
    told.relay_to = relay_to;
    peer.budget.grant(weights_.chunks().count() + kOtherFrames,
                      parts_.transport.peer(rank).offered);
    // Who is asked for nothing passes weights on all the same, and has them when it is.
    if (!is_asked) parts_.transport.send(rank, make_order(told));
    for (const std::uint32_t slice : slices[worker]) give_order(worker, slice, told, order);
  }
  weights_.push(direct);
}

/// To a worker that has not even taken the last frames, more are of no use and would pile up. One
/// that computes takes nothing in meanwhile, but not for ever.
std::vector<bool> RemoteFleet::find_reachable(const StepOrder& order) {
  std::vector<bool> reachable(peers_.size());
  for (std::uint32_t worker = 0; worker < peers_.size(); ++worker) {
    Peer& peer = peers_[worker];
    if (order.absent[worker] || peer.gone) continue;
    const bool has_taken = parts_.transport.is_idle(parts_.ranks[worker]);
    peer.untaken_steps = has_taken ? 0 : peer.untaken_steps + 1;
    if (peer.untaken_steps > kMostUntaken) peer.awaited = false;
    reachable[worker] = has_taken || peer.awaited;
  }
  return reachable;
}

void RemoteFleet::give_order(std::uint32_t worker, std::uint32_t slice, OrderView told,
                             const StepOrder& order) {
  Peer& peer = peers_[worker];
  told.slice = slice;
  peer.orders[0].slices.push_back(slice);
  peer.orders[0].since.emplace_back(clock().now());
  latency_.order(worker);
  parts_.transport.send(parts_.ranks[worker], make_order(told));
  expect(worker, parts_.by_digest ? 1 : parts_.answer.count());
  open_.order(worker, slice);
  if (parts_.asks_others && is_awaited(order, worker)) patience_.ordered({worker, slice}, now_);
}

/// In the middle of a step, because of what others say or do not say. Who has not even got the
/// step's first message gets no other.
void RemoteFleet::give_more_orders(const StepOrder& order, StepVotes& votes) {
  for (auto orders = votes.take_orders(); !orders.empty(); orders = votes.take_orders()) {
    for (const SliceOrder& one : orders) {
      if (one.worker == kTheServer) {
        compute_here(one.slice, order, votes);
        continue;
      }
      Peer& peer = peers_[one.worker];
      const bool can_be_told = !peer.gone && peer.orders[0].round == order.round();
      if (can_be_told) {
        if (peer.orders[0].slices.empty())
          presence_.expect(one.worker, order.round(), clock().now());
        peer.heard = false;
        const auto left = std::chrono::duration<double>(peer.orders[0].until - now_).count();
        give_order(one.worker, one.slice,
                   {.step = order.round(),
                    .weights_from = kNobody,
                    .assignment = {},
                    .weights_digests = weights_.digests(),
                    .deadline_ms = milliseconds(left)},
                   order);
      }
      if (!can_be_told || !is_awaited(order, one.worker)) pass_over(one, votes);
    }
  }
}

/// Nobody else is heard meanwhile; the clock of the step stands still for that long.
void RemoteFleet::compute_here(std::uint32_t slice, const StepOrder& order, StepVotes& votes) {
  DETOX_ASSERT(parts_.replica != nullptr);
  const ServerReplica::Answer answer =
      parts_.replica->compute(order, slice, digest_of_chunks(weights_.digests()), parts_.answer);
  votes.count({.round = order.round(),
               .worker = kTheServer,
               .slice = slice,
               .bytes = answer.digests,
               .is_digest = true});
  const auto found = votes.majority(slice);
  if (found && std::ranges::equal(found->bytes, answer.digests)) {
    votes.settle(slice, answer.bytes);
    fetch_.note_answer_elsewhere();
    if (order.on_columns) fetch_.hand_on_columns(order.on_columns);  // they may be void now
  }
  look_after(slice, votes);
  last_news_ = now_ = attentive_.look(clock().now());
}

/// Who is not waited for gets an order now and then: the answer brings it back.
std::vector<bool> RemoteFleet::away(std::uint64_t step) const {
  std::vector<bool> away(peers_.size());
  for (std::size_t worker = 0; worker < peers_.size(); ++worker) {
    const bool is_tried = (step + worker) % kTriedEvery == 0;
    away[worker] = peers_[worker].gone || (!peers_[worker].awaited && !is_tried);
  }
  if (std::ranges::all_of(away, std::identity())) away.clear();  // then all get another chance
  return away;
}

/// What others have said may be enough without it.
void RemoteFleet::pass_over(const SliceOrder& order, StepVotes& votes) {
  votes.pass_over(order);
  look_after(order.slice, votes);
}

void RemoteFleet::look_after(std::uint32_t slice, StepVotes& votes) {
  if (votes.state(slice) == SliceState::kOpen) {
    open_.reopen(slice);  // where somebody else has said something else than what was promised
  } else {
    open_.close(slice);
  }
  if (parts_.by_digest) fetch_.follow(slice);
}

void RemoteFleet::pass_over_late(const StepOrder& order, StepVotes& votes) {
  if (!parts_.asks_others) return;
  for (const SliceOrder& late : patience_.overdue(now_)) {
    // Silent for so long, it costs no patience any more.
    if (peers_[late.worker].silent_steps >= kSilentSteps) peers_[late.worker].awaited = false;
    pass_over(late, votes);
  }
  give_more_orders(order, votes);
  if (!patience_.is_half_over(now_)) return;
  for (std::uint32_t slice = 0; slice < order.assignment.slices(); ++slice) {
    votes.make_do(slice);
    look_after(slice, votes);
  }
}

/// It will not answer any more.
void RemoteFleet::pass_over_all(std::uint32_t worker, const StepOrder& order, StepVotes& votes) {
  for (const std::uint32_t slice : open_.owed(worker)) pass_over({worker, slice}, votes);
  open_.forget(worker);
  give_more_orders(order, votes);
}

bool RemoteFleet::is_awaited(const StepOrder& order, std::uint32_t worker) const {
  return !order.absent[worker] && !peers_[worker].gone && peers_[worker].awaited;
}

/// Where nobody is waited for any more there is nothing to hurry on to: all of them get the time.
/// The first that answered would else end the step for the others, and so on for ever. The same
/// before the run ends: steps that are skipped take no time, and who stood still a moment would
/// have been given one deadline.
void RemoteFleet::await_somebody(const StepOrder& order) {
  for (std::uint32_t worker = 0; !order.is_last_chance && worker < peers_.size(); ++worker) {
    if (is_awaited(order, worker)) return;
  }
  for (Peer& peer : peers_) peer.awaited = true;
}

void RemoteFleet::open_slices(const StepOrder& order) {
  std::vector<bool> awaited(peers_.size());
  for (std::uint32_t worker = 0; worker < peers_.size(); ++worker)
    awaited[worker] = is_awaited(order, worker);
  open_.begin(order.assignment.slices(), std::move(awaited));
}

/// A slice waits while its answer is under way, and while it can still get a majority and somebody
/// is waited for who has not answered.
std::size_t RemoteFleet::waiting() const { return fetch_.under_way() + open_.waiting(); }

bool RemoteFleet::waits(const StepVotes& votes) const {
  return !votes.has_enough() && waiting() > 0;
}

double RemoteFleet::elapsed_s() const {
  return std::chrono::duration<double>(now_ - begin_).count();
}

FleetReport RemoteFleet::run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                                  StepVotes& votes) {
  FleetReport report;
  const TransportCounters before = parts_.transport.counters();
  const auto begin = clock().now();
  latency_ = StepLatency(peers_.size());
  late_.clear();
  await_somebody(order);
  attentive_.begin(begin, time_limit.count());
  begin_ = now_ = begin;
  fetch_.begin_step(order.round(), begin, time_limit.count(), votes);
  patience_.begin(begin, time_limit.count());
  give_orders(order, time_limit.count(), votes);
  report.broadcast_s = clock().seconds_since(begin);
  now_ = last_news_ = attentive_.look(clock().now());
  any_news_ = false;
  bool in_time = true;
  double waited_s = 0;  // for more than liars can hold up
  while (waits(votes)) {
    now_ = attentive_.look(clock().now());
    in_time = elapsed_s() < time_limit.count();
    if (parts_.stop) {
      report.interrupted = true;
      return report;
    }
    const bool counts = waiting() > parts_.f_eff;  // more than liars can own
    // Who is left out is no part of the run, but a rank that ended before the others could end the
    // job.
    to_left_out_.give(left_out_);
    to_workers_.give(ranks_here_);
    weights_.push_more();
    if (in_time) {
      take_frames(order, votes);
    } else {
      take_what_is_here(order, votes);
    }
    now_ = attentive_.look(clock().now());
    watch_volume(order, votes);
    pass_over_late(order, votes);
    tell_waiting(order, votes, elapsed_s(), time_limit.count());
    tell_news();
    if (any_news_ && report.compute_s == 0)
      report.compute_s = clock().seconds_since(begin) - report.broadcast_s;
    if (parts_.by_digest) fetch_answers(order);
    give_more_orders(order, votes);  // where somebody does not deliver
    if (counts) waited_s = elapsed_s();
    if (!in_time) break;
  }
  in_time = in_time || !waits(votes);
  end_step(order, in_time, votes);
  report.ended_early = in_time;
  report.latency = std::move(latency_);
  report.late = std::move(late_);
  const double seconds = clock().seconds_since(begin);
  if (in_time) {
    longest_step_s_ = std::max(longest_step_s_, seconds);
  } else {
    waited_s = std::min(waited_s, std::chrono::duration<double>(last_news_ - begin_).count());
  }
  tell_news();
  report.in_vain_s = seconds - waited_s;
  report.receive_s = seconds - report.broadcast_s - report.compute_s;
  report.bytes_in = parts_.transport.counters().bytes_received - before.bytes_received;
  report.bytes_out = parts_.transport.counters().bytes_sent - before.bytes_sent;
  return report;
}

void RemoteFleet::fetch_answers(const StepOrder& order) {
  if (fetch_.check(now_)) last_news_ = now_;
  fetch_.ask(now_, [this](std::uint32_t worker, FrameBytes frame) {
    expect(worker, (frame->size() - kFrameHeaderBytes) / sizeof(std::uint32_t));
    parts_.transport.send(parts_.ranks[worker], std::move(frame));
  });
  if (order.on_columns) fetch_.hand_on_columns(order.on_columns);
}

void RemoteFleet::end_step(const StepOrder& order, bool in_time, StepVotes& votes) {
  if (parts_.by_digest) fetch_.end_step(now_);
  for (const std::uint32_t relay : complaints_.end_step(order.round()))
    votes.note(relay, Suspicion::kBadRelay);
  if (in_time) return;
  last_look_ = {};  // who missed the deadline is news, however soon the run ends
  for (std::uint32_t worker = 0; worker < peers_.size(); ++worker) {
    if (order.absent[worker] || peers_[worker].heard) continue;
    peers_[worker].awaited = false;
    presence_.missed(worker);
  }
}

void RemoteFleet::tell_news() {
  const auto now = clock().now();
  if (now - last_look_ < kPoll) return;
  last_look_ = now;
  for (const std::string& line : presence_.news(now)) log_line(line);
}

void RemoteFleet::tell_waiting(const StepOrder& order, const StepVotes& votes, double waited_s,
                               double limit_s) {
  const double usual_s = longest_step_s_ > 0 ? longest_step_s_ : kFirstStepSeconds;
  if (waited_s < std::max(kLeastWaitToldSeconds, kTimesTheLongestStep * usual_s)) return;
  if (told_waiting_round_ == order.round() || times_told_waiting_ >= kMostWarnings) return;
  told_waiting_round_ = order.round();
  std::vector<std::uint32_t> awaited;
  for (std::uint32_t worker = 0; worker < peers_.size(); ++worker) {
    const bool holds_up = std::ranges::any_of(open_.owed(worker), [&](std::uint32_t slice) {
      return votes.state(slice) == SliceState::kOpen;
    });
    if (is_awaited(order, worker) && holds_up) awaited.push_back(worker);
  }
  if (awaited.empty()) return;
  ++times_told_waiting_;
  log_info("step {} waits for {} for {:.0f} s now; it goes on without after {:.0f} s", order.step,
           worker_names(awaited), waited_s, limit_s);
}

void RemoteFleet::keep_waiting_while(const std::function<void()>& work) {
  std::exception_ptr thrown;
  const std::unique_ptr<BackgroundTasks> beside = parts_.make_tasks(1);
  beside->add([&](std::size_t) {
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  while (beside->unfinished() > 0) {
    to_left_out_.give(left_out_);
    to_workers_.give(ranks_here_);
    parts_.transport.receive(kPoll, max_frame_from_worker(parts_.answer));
  }
  if (thrown) std::rethrow_exception(thrown);
}

std::vector<int> RemoteFleet::silent_ranks() const {
  std::vector<int> silent = left_out_;
  for (std::size_t worker = 0; worker < peers_.size(); ++worker) {
    const Peer& peer = peers_[worker];
    const int rank = parts_.ranks[worker];
    if (rank >= parts_.transport.size()) continue;
    if (peer.gone || !peer.awaited || peer.silent_steps >= kSilentSteps) silent.push_back(rank);
  }
  return silent;
}

std::string RemoteFleet::rejected_text() const {
  std::string text;
  if (rejected_frames_ > 0)
    text = fmt::format("{} frames from workers were no message of this run", rejected_frames_);
  for (int rank = 1; rank < parts_.transport.size(); ++rank) {
    const PeerCounters& seen = parts_.transport.peer(rank);
    if (!seen.shut_out) continue;
    text +=
        fmt::format("{}rank {} was shut out: {} frames, {} that were too long, {} other messages",
                    text.empty() ? "" : "; ", rank, seen.offered, seen.oversized, seen.stray);
  }
  return text;
}

void stop_workers(Transport& transport, int exit_code) {
  const FrameBytes stop = make_stop(exit_code);
  for (int rank = 1; rank < transport.size(); ++rank) transport.send(rank, stop);
  transport.flush(-1, kFarewell);
}

int serve_and_stop_workers(Transport& transport, const std::function<int()>& serve) {
  int exit_code = 0;
  try {
    exit_code = serve();
  } catch (const std::exception& thrown) {
    stop_workers(transport, as_error(thrown).exit_code());
    throw;
  }
  stop_workers(transport, exit_code);
  return exit_code;
}

}  // namespace detox
