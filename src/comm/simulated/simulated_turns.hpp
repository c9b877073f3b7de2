// Whose turn it is in a simulated network, and what happens meanwhile, in an order that a seed
// decides.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "comm/transport.hpp"
#include "detox/random.hpp"

namespace detox {

/// What a dead rank's calls throw. No error: nobody is to catch it but the rank's own thread.
struct SimulatedDeath {};

Clock::duration simulated_duration(double seconds);

/// Threads of which one at a time goes on. Everything but run() is called by who has the turn, or
/// before run().
class SimulatedTurns {
 public:
  enum class Kind { kWake, kArrival, kTask, kDeath, kPause };
  struct Event {
    Clock::time_point at;
    Kind kind;
    std::size_t rank = 0;  ///< whom it happens to
    std::size_t from = 0;  ///< arrival: the sender
    FrameBytes frame{};
    std::function<void()> work{};
    double seconds = 0;                 ///< pause
    std::uint64_t waiting = 0;          ///< wake-up: of which wait
    std::uint64_t tie = 0, number = 0;  ///< of what happens at one time the lower tie comes first
  };

  SimulatedTurns(std::size_t ranks, std::uint64_t seed, double end_s,
                 std::function<void(Event&)> on_arrival, std::function<void(std::size_t)> on_death);

  double uniform(double least, double most);
  Clock::time_point now() const { return now_; }
  /// With what this rank has computed for beyond now.
  Clock::time_point now_of(std::size_t rank) const { return now_ + ranks_[rank].debt; }
  double seconds() const;
  double paused_seconds(std::size_t rank) const { return ranks_[rank].paused_s; }
  bool is_dead(std::size_t rank) const { return ranks_[rank].dead; }
  bool is_gone(std::size_t rank) const { return ranks_[rank].dead || ranks_[rank].ended; }
  bool was_cut_off() const { return was_cut_off_; }

  void push(Event event);
  static Clock::time_point time_at(double seconds);

  /// What this rank does takes so long.
  void owe(std::size_t rank, double seconds) { ranks_[rank].debt += simulated_duration(seconds); }
  /// Lets what it owes pass for the others, too.
  void settle(std::size_t rank);
  /// Hands the turn on until this rank is woken, and at that time at the latest.
  void wait(std::size_t rank, Clock::time_point until);
  /// Until it is woken. Does not throw.
  void wait(std::size_t rank);
  /// Ends a wait of this rank, now or where its pause ends.
  void wake(std::size_t rank) { wake_at(rank, now_); }

  void run(const std::function<void(std::size_t rank)>& body);

  std::uint64_t trace() const { return hash_; }
  void tell_events(std::function<void(std::string_view)> tell) { tell_ = std::move(tell); }

 private:
  struct Rank {
    Clock::duration debt{};
    std::uint64_t waiting = 0;  ///< the number of its wait: a wake-up of an earlier one is stale
    bool ended = false, dead = false;
    Clock::time_point paused_until{};
    double paused_s = 0;
    std::mutex mutex;
    std::condition_variable turn_comes;
    bool has_turn = false;
  };
  static constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

  void wake_at(std::size_t rank, Clock::time_point when);
  void check_alive(std::size_t rank) const;
  void hand_on(std::size_t rank);
  void give_turn(std::size_t rank);
  void await_turn(std::size_t rank);
  std::size_t next_rank();
  std::size_t cut_off();
  std::size_t happen(Event& event);
  void trace(const Event& event);
  void add_to_trace(std::uint64_t value);

  RandomStream draws_;
  Clock::time_point now_, end_;
  std::function<void(Event&)> on_arrival_;
  std::function<void(std::size_t)> on_death_;
  std::vector<Event> events_;  ///< a heap
  std::uint64_t pushed_ = 0;
  std::vector<Rank> ranks_;
  std::size_t ended_ = 0;
  bool was_cut_off_ = false;
  std::uint64_t hash_;
  std::function<void(std::string_view)> tell_;
};

}  // namespace detox
