#include "comm/simulated/simulated_turns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>
#include <tuple>
#include <utility>

#include "base/assert.hpp"
#include "comm/frame.hpp"

namespace detox {
namespace {

// Far from zero: who has never looked has not looked for long.
constexpr Clock::time_point kBegin{std::chrono::seconds(1'000'000)};
constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325U, kFnvPrime = 0x100000001b3U;

double seconds_of(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

bool is_later(const SimulatedTurns::Event& a, const SimulatedTurns::Event& b) {
  return std::tie(a.at, a.tie, a.number) > std::tie(b.at, b.tie, b.number);
}

}  // namespace

Clock::duration simulated_duration(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

SimulatedTurns::SimulatedTurns(std::size_t ranks, std::uint64_t seed, double end_s,
                               std::function<void(Event&)> on_arrival,
                               std::function<void(std::size_t)> on_death)
    : draws_(derive_key(key_from_seed(seed), "simulated network")),
      now_(kBegin),
      end_(time_at(end_s)),
      on_arrival_(std::move(on_arrival)),
      on_death_(std::move(on_death)),
      ranks_(ranks),
      hash_(kFnvBasis) {}

Clock::time_point SimulatedTurns::time_at(double seconds) {
  return kBegin + simulated_duration(seconds);
}

double SimulatedTurns::seconds() const { return seconds_of(now_ - kBegin); }

double SimulatedTurns::uniform(double least, double most) {
  return least + (most - least) * draws_.uniform();
}

void SimulatedTurns::push(Event event) {
  event.at = std::max(event.at, now_);
  event.tie = draws_.next();
  event.number = ++pushed_;
  events_.push_back(std::move(event));
  std::ranges::push_heap(events_, is_later);
}

void SimulatedTurns::wake_at(std::size_t rank, Clock::time_point when) {
  push({.at = when, .kind = Kind::kWake, .rank = rank, .waiting = ranks_[rank].waiting});
}

void SimulatedTurns::check_alive(std::size_t rank) const {
  if (ranks_[rank].dead) throw SimulatedDeath{};
}

void SimulatedTurns::wait(std::size_t rank, Clock::time_point until) {
  wake_at(rank, until);
  hand_on(rank);
  check_alive(rank);
}

void SimulatedTurns::wait(std::size_t rank) { hand_on(rank); }

void SimulatedTurns::settle(std::size_t rank) {
  check_alive(rank);
  if (ranks_[rank].debt == Clock::duration(0)) return;
  const Clock::time_point until = now_ + std::exchange(ranks_[rank].debt, {});
  const bool nothing_happens = until < end_ && (events_.empty() || events_.front().at > until);
  if (!nothing_happens) return wait(rank, until);
  now_ = until;
}

/// Gives the turn to whom the next events give it, and returns when it has come back; where the
/// rank has ended, at once.
void SimulatedTurns::hand_on(std::size_t rank) {
  const std::size_t next = next_rank();
  if (next == rank) return;
  if (next != kNobody) give_turn(next);
  if (rank != kNobody && !ranks_[rank].ended) await_turn(rank);
}

void SimulatedTurns::give_turn(std::size_t rank) {
  Rank& one = ranks_[rank];
  const std::lock_guard lock(one.mutex);
  one.has_turn = true;
  one.turn_comes.notify_one();
}

void SimulatedTurns::await_turn(std::size_t rank) {
  Rank& one = ranks_[rank];
  std::unique_lock lock(one.mutex);
  one.turn_comes.wait(lock, [&] { return one.has_turn; });
  one.has_turn = false;
}

/// Lets things happen until somebody can go on; nobody where all have ended.
std::size_t SimulatedTurns::next_rank() {
  while (ended_ < ranks_.size()) {
    if (events_.empty() || events_.front().at > end_) return cut_off();
    std::ranges::pop_heap(events_, is_later);
    Event event = std::move(events_.back());
    events_.pop_back();
    now_ = event.at;
    trace(event);
    const std::size_t next = happen(event);
    if (next != kNobody) return next;
  }
  return kNobody;
}

std::size_t SimulatedTurns::cut_off() {
  was_cut_off_ = true;
  const auto left = std::ranges::find(ranks_, false, &Rank::ended);
  left->dead = true;
  return static_cast<std::size_t>(left - ranks_.begin());
}

std::size_t SimulatedTurns::happen(Event& event) {
  Rank& one = ranks_[event.rank];
  switch (event.kind) {
    case Kind::kWake:
      if (one.ended || event.waiting != one.waiting) return kNobody;
      if (one.paused_until > now_ && !one.dead) {
        wake_at(event.rank, one.paused_until);
        return kNobody;
      }
      ++one.waiting;
      return event.rank;
    case Kind::kArrival:
      on_arrival_(event);
      return kNobody;
    case Kind::kTask:
      event.work();
      return kNobody;
    case Kind::kDeath:
      if (one.ended || one.dead) return kNobody;
      one.dead = true;
      on_death_(event.rank);
      wake(event.rank);
      return kNobody;
    case Kind::kPause:
      one.paused_until = std::max(one.paused_until, now_ + simulated_duration(event.seconds));
      one.paused_s += event.seconds;
      return kNobody;
  }
  DETOX_ASSERT(false);
}

void SimulatedTurns::add_to_trace(std::uint64_t value) { hash_ = (hash_ ^ value) * kFnvPrime; }

void SimulatedTurns::trace(const Event& event) {
  const Clock::duration time = now_ - kBegin;
  add_to_trace(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time).count()));
  add_to_trace(static_cast<std::uint64_t>(event.kind));
  add_to_trace(event.rank);
  if (event.kind == Kind::kArrival) {
    add_to_trace(event.from);
    for (const std::byte byte : *event.frame) add_to_trace(std::to_integer<std::uint64_t>(byte));
  }
  if (!tell_) return;
  static constexpr std::array<std::string_view, 5> kWhat = {"wakes", "gets a frame",
                                                            "has a task done", "dies", "is paused"};
  std::string line = fmt::format("{:.9f} rank {} {}", seconds_of(time), event.rank,
                                 kWhat[static_cast<std::size_t>(event.kind)]);
  if (event.kind == Kind::kArrival) {
    const FrameView view = parse_frame(*event.frame);
    line += fmt::format(" from {}: {} bytes, {}, kind {}, step {}, slice {}, detail {}", event.from,
                        event.frame->size(), verdict_name(view.verdict),
                        static_cast<int>(view.kind), view.step, view.slice, view.detail);
  }
  if (event.kind == Kind::kPause) line += fmt::format(" for {:.3f} s", event.seconds);
  tell_(line);
}

void SimulatedTurns::run(const std::function<void(std::size_t)>& body) {
  std::vector<std::thread> threads;
  threads.reserve(ranks_.size());
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
    wake_at(rank, kBegin + simulated_duration(uniform(0, 1e-3)));
    threads.emplace_back([this, &body, rank] {
      await_turn(rank);
      try {
        check_alive(rank);
        body(rank);
      } catch (const SimulatedDeath&) {  // its thread ends, that is all
      }
      ranks_[rank].ended = true;
      ++ended_;
      hand_on(rank);
    });
  }
  hand_on(kNobody);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace detox
