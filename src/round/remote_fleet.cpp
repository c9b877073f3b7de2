#include "round/remote_fleet.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/as_error.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "base/seconds_since.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPoll(100);
constexpr std::chrono::seconds kFarewell(2);  // the dead never take in what they were sent
constexpr std::uint64_t kMostWarnings = 10;
constexpr std::size_t kLongestProfile = 300;

}  // namespace

RemoteFleet::RemoteFleet(Transport& transport, std::size_t answer_bytes, bool send_assignment,
                         const std::atomic<bool>& stop)
    : transport_(transport),
      answer_bytes_(answer_bytes),
      send_assignment_(send_assignment),
      stop_(stop),
      peers_(static_cast<std::size_t>(transport.size() - 1)) {}

void RemoteFleet::end_on_failure(int from, const FrameView& frame) const {
  if (const auto failure = parse_failure(frame)) {
    throw WorkerFailure(fmt::format("rank {}: {}", from, failure->line), failure->exit_code);
  }
}

/// After the start a failure costs the worker's own contribution; the first word of it counts.
bool RemoteFleet::note_failure(int from, const FrameView& frame) {
  const auto failure = parse_failure(frame);
  if (!failure) return false;
  Peer& peer = peers_[static_cast<std::size_t>(from - 1)];
  if (!peer.failed) {
    log_warning("rank {} has failed, the run goes on without it: {}", from, failure->line);
  }
  peer.failed = true;
  peer.awaited = false;
  return true;
}

std::vector<int> RemoteFleet::silent_ranks() const {
  std::vector<int> silent;
  for (std::size_t worker = 0; worker < peers_.size(); ++worker) {
    if (!peers_[worker].awaited) silent.push_back(static_cast<int>(worker) + 1);
  }
  return silent;
}

void RemoteFleet::start(const WorkerSettings& settings, const WorkerFacts& expected,
                        std::chrono::duration<double> time_limit) {
  const FrameBytes welcome = make_welcome(to_json(settings));
  for (int rank = 1; rank < transport_.size(); ++rank) transport_.send(rank, welcome);
  patience_s_ = settings.server_timeout_s;
  const auto begin = last_sign_ = Clock::now();
  while (!std::ranges::all_of(peers_, &Peer::ready)) {
    if (stop_) throw InterruptedError("stopped before the workers were ready");
    if (seconds_since(begin) > time_limit.count()) {
      std::vector<std::size_t> silent;
      for (std::size_t worker = 0; worker < peers_.size(); ++worker) {
        if (!peers_[worker].ready) silent.push_back(worker + 1);
      }
      throw InputError(fmt::format("no sign of life from rank {} within {:.0f} s (--start-timeout)",
                                   fmt::join(silent, ", "), time_limit.count()));
    }
    give_sign_of_life();
    const auto received = transport_.receive(kPoll, kFrameHeaderBytes + kMaxTextBytes);
    if (!received || received->from < 1 || received->from >= transport_.size()) continue;
    const FrameView frame = parse_frame(received->bytes);
    end_on_failure(received->from, frame);
    const auto text = parse_ready(frame);
    const auto facts = text ? facts_from_json(*text) : std::nullopt;
    if (!facts) {
      ++rejected_frames_;
      continue;
    }
    const auto compare = [&](std::string_view what, const std::string& theirs,
                             const std::string& ours) {
      if (theirs == ours) return;
      throw InputError(fmt::format("rank {} has {} '{}', the server '{}'", received->from, what,
                                   printable(theirs, kLongestProfile), ours));
    };
    compare("the numerical profile", facts->profile, expected.profile);
    compare("a network of digest", facts->layout_digest, expected.layout_digest);
    compare("training data of digest", facts->data_digest, expected.data_digest);
    peers_[static_cast<std::size_t>(received->from - 1)].ready = true;
  }
}

/// A worker that has answered hears nothing while the server waits for another, for as long as one
/// that is silent likes. To those who have not taken in the last frames more would only pile up.
void RemoteFleet::give_sign_of_life() {
  constexpr double kSignsInPatience = 4;
  if (seconds_since(last_sign_) < patience_s_ / kSignsInPatience) return;
  last_sign_ = Clock::now();
  const FrameBytes sign = make_wait();
  for (std::size_t worker = 0; worker < peers_.size(); ++worker) {
    const int rank = static_cast<int>(worker) + 1;
    if (!peers_[worker].ready || !transport_.flush(rank, std::chrono::milliseconds(0))) continue;
    transport_.send(rank, sign);
  }
}

void RemoteFleet::broadcast(const StepOrder& order) {
  const FrameBytes weights = make_weights(order.step, order.parameters, order.statistics);
  last_sign_ = Clock::now();
  const std::vector<std::uint32_t>& slices = order.assignment.slice_of_worker;
  for (std::uint32_t worker = 0; worker < peers_.size(); ++worker) {
    Peer& peer = peers_[worker];
    peer.answered = false;
    const int rank = static_cast<int>(worker) + 1;
    // To a worker that has not even taken the last frames, more are of no use and would pile up.
    if (!transport_.flush(rank, std::chrono::milliseconds(0)) &&
        (!peer.awaited || order.absent[worker])) {
      continue;
    }
    if (peer.failed) {  // it waits for the end
      transport_.send(rank, make_wait());
      continue;
    }
    transport_.send(rank, weights);  // a sign of life to those who are left out, too
    if (order.absent[worker]) continue;
    std::rotate(peer.orders.begin(), peer.orders.end() - 1, peer.orders.end());
    peer.orders[0] = {order.step, slices[worker]};
    transport_.send(rank, send_assignment_ ? make_order(order.step, slices[worker], slices)
                                           : make_order(order.step, slices[worker]));
  }
}

/// Where nobody is waited for any more there is nothing to hurry on to: all of them get the time.
/// The first that answered would else end the step for the others, and so on for ever.
void RemoteFleet::await_somebody(const StepOrder& order) {
  for (std::size_t worker = 0; worker < peers_.size(); ++worker) {
    if (!order.absent[worker] && peers_[worker].awaited) return;
  }
  for (Peer& peer : peers_) peer.awaited = !peer.failed;
}

bool RemoteFleet::everybody_answered(const StepOrder& order) const {
  for (std::size_t worker = 0; worker < peers_.size(); ++worker) {
    const Peer& peer = peers_[worker];
    if (!order.absent[worker] && peer.awaited && !peer.answered) return false;
  }
  return true;
}

FleetReport RemoteFleet::run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                                  const OnAnswer& on_answer) {
  FleetReport report;
  const TransportCounters before = transport_.counters();
  const auto begin = Clock::now();
  await_somebody(order);
  broadcast(order);
  report.broadcast_s = seconds_since(begin);
  last_answer_ = Clock::now();
  const std::size_t largest = max_frame_from_worker(answer_bytes_);
  while (!everybody_answered(order) && seconds_since(begin) < time_limit.count()) {
    if (stop_) {
      report.interrupted = true;
      return report;
    }
    give_sign_of_life();
    auto frame = transport_.receive(kPoll, largest);
    if (!frame) continue;
    if (report.compute_s == 0) report.compute_s = seconds_since(begin) - report.broadcast_s;
    take_frame(std::move(*frame), order, on_answer);
  }
  const bool timed_out = !everybody_answered(order);
  for (std::size_t worker = 0; worker < peers_.size(); ++worker) {
    if (!order.absent[worker] && !peers_[worker].answered) peers_[worker].awaited = false;
  }
  if (timed_out) report.in_vain_s = seconds_since(last_answer_);
  report.receive_s = seconds_since(begin) - report.broadcast_s - report.compute_s;
  report.bytes_in = transport_.counters().bytes_received - before.bytes_received;
  report.bytes_out = transport_.counters().bytes_sent - before.bytes_sent;
  return report;
}

void RemoteFleet::take_frame(ReceivedFrame frame, const StepOrder& order,
                             const OnAnswer& on_answer) {
  if (frame.from < 1 || frame.from >= transport_.size()) return;
  const FrameView view = parse_frame(frame.bytes);
  if (note_failure(frame.from, view)) return;
  const auto answer = parse_answer(view, answer_bytes_);
  if (!answer) {
    if (++rejected_frames_ <= kMostWarnings) {
      log_warning("rank {} sent {} bytes that are no answer ({})", frame.from, frame.bytes.size(),
                  verdict_name(view.verdict));
    }
    return;
  }
  take_answer(static_cast<std::uint32_t>(frame.from - 1), *answer, frame.bytes, order, on_answer);
}

void RemoteFleet::take_answer(std::uint32_t worker, const AnswerView& answer,
                              std::vector<std::byte>& frame, const StepOrder& order,
                              const OnAnswer& on_answer) {
  Peer& peer = peers_[worker];
  const bool was_ordered = std::ranges::any_of(peer.orders, [&](const Ordered& ordered) {
    return ordered.step == answer.step && ordered.slice == answer.slice && ordered.step > 0;
  });
  const bool is_current = answer.step == order.step;
  // What nobody ordered is of use only to accuse: an answer for a slice that is not the worker's.
  const bool is_malformed = is_current && answer.slice != order.assignment.slice_of_worker[worker];
  if (order.absent[worker] || (!was_ordered && !is_malformed)) {
    ++rejected_frames_;
    return;
  }
  const IncomingAnswer incoming{answer.step, worker, answer.slice, answer.bytes};
  if (is_current && was_ordered) {
    peer.awaited = !peer.failed;
    if (!peer.answered) {
      peer.answer.swap(frame);  // the views stay valid: the bytes do not move
      last_answer_ = Clock::now();
    }
    peer.answered = true;
  }
  on_answer(incoming);
}

std::string RemoteFleet::rejected_text() const {
  const std::uint64_t oversized = transport_.counters().oversized;
  if (rejected_frames_ == 0 && oversized == 0) return {};
  return fmt::format(
      "{} frames from workers were no message of this run, {} were too long and thrown away",
      rejected_frames_, oversized);
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
