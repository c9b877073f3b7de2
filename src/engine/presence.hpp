// Which workers are there: what people are told when one falls silent, is late, ends or comes back,
// and at the end of a run. Time is passed in. It decides nothing: deadlines and votes do that.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace detox {

/// Used by one thread. Workers count from 0 here and from 1 in the lines.
class Presence {
 public:
  using Time = Clock::time_point;

  /// slices: k; bears: q, of so many that fail or lie the run was built to survive; gives_away:
  /// what somebody does not do is given to others.
  Presence(std::size_t workers, std::size_t slices, std::size_t bears, bool gives_away = false);

  /// The worker has to answer in the round that begins, whether or not an order reaches it.
  void expect(std::uint32_t worker, std::uint64_t round, Time now);
  /// An answer of this round or of an earlier one, each once.
  void heard(std::uint32_t worker, std::uint64_t round);
  /// The step's deadline came, and it had said nothing.
  void missed(std::uint32_t worker);
  /// It has said itself that it ends, and why. The line about it.
  std::string ended(std::uint32_t worker, std::string_view why);

  /// Lines about what has changed since the last call, most often none. Bounded: workers that
  /// change at once share a line, one that comes and goes is told about a few times.
  std::vector<std::string> news(Time now);

  /// One line about everybody of whom there was news: since when, how many answers are missing;
  /// empty for nobody.
  std::string summary() const;

  static constexpr std::uint64_t kSilentSteps = 3, kLateSteps = 20;
  static constexpr std::chrono::seconds kLeastSilence{5};
  static constexpr int kMostTimesTold = 3;

 private:
  enum class Told { kThere, kLate, kSilent, kEnded };
  struct Worker {
    std::uint64_t expected = 0, answered = 0;
    std::uint64_t newest = 0;       ///< the newest round that it answered
    std::uint64_t silent_from = 0;  ///< the first step since its last answer; 0: none
    std::uint64_t late_from = 0;    ///< the first step since its last answer in time; 0: none
    Time silent_at{}, late_at{};    ///< when these began
    std::uint64_t silent_steps = 0, late_steps = 0;
    bool missed_deadline = false;
    Told told = Told::kThere;
    int times_told = 0;
    std::uint64_t told_from = 0;  ///< what the last line said
  };

  Told state_of(const Worker& worker, Time now) const;
  std::string what_is_left() const;
  std::string line(Told told, const std::vector<std::uint32_t>& workers) const;

  std::vector<Worker> workers_;
  std::size_t slices_, bears_;
  bool gives_away_;
  std::uint64_t round_ = 0;
  std::size_t lines_ = 0;
};

}  // namespace detox
