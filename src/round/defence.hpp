// Stations 4 to 8 on the server's side: the voted answers of a step, as they come, to one gradient,
// or the reason why there is none.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "config/defence_plan.hpp"
#include "exchange/step_votes.hpp"
#include "round/answer_format.hpp"

namespace detox {

/// The rules of a run. What its parts refer to outlives it.
class Defence {
 public:
  struct Parts {
    const DefencePlan& plan;
    const AnswerFormat& format;
    Key bucket_key;
    std::size_t samples_per_step;
    ThreadPool& pool;
    Workspace& workspace;
    const Clock& clock;
  };
  explicit Defence(const Parts& parts);

  /// One step, used by one thread. A coordinate rule reduces each block of columns as soon as all
  /// rows of it are there, when they are still in the cache: the result is bit by bit what it is
  /// for whole rows.
  class Step {
   public:
    /// gradient: (d), written to. start: (d) where the rule begins, or empty.
    Step(const Defence& defence, std::uint64_t step, std::span<float> gradient,
         std::span<const float> start);

    /// Whether rows are of use before they are whole: as they lie in the answers, and all of them.
    bool begins_early() const;
    void take(const ReadyColumns& columns);
    double early_seconds() const { return early_s_; }

    /// The answer for a slice, as it was voted.
    using AnswerOf = std::function<std::span<const std::byte>(std::uint32_t slice)>;
    /// Makes the gradient of these slices, ascending. Returns why it is not made: the requirement
    /// that they do not meet, with the values; empty where it is.
    std::string finish(std::span<const std::uint32_t> slices, const AnswerOf& answer_of);
    /// Of these slices, ascending, those that the rule has left out; a rule by columns leaves out
    /// none, and behind buckets there are no slices any more.
    const std::vector<std::uint32_t>& rejected() const { return rejected_; }

   private:
    bool is_made_of(std::span<const std::uint32_t> slices) const;
    void aggregate(std::span<const std::uint32_t> slices, std::span<const double> weights,
                   const AnswerOf& answer_of);

    const Defence& defence_;
    std::uint64_t step_;
    std::span<float> gradient_;
    std::span<const float> start_;
    std::vector<std::uint32_t> early_slices_;
    std::vector<double> early_weights_;
    std::size_t done_ = 0;  ///< columns
    double early_s_ = 0;
    std::vector<std::uint32_t> rejected_;
  };

 private:
  std::vector<double> weights_of(std::span<const std::uint32_t> slices) const;
  std::string unmet(std::span<const std::uint32_t> slices, std::span<const double> weights) const;

  Parts parts_;
  Hierarchy hierarchy_;
};

}  // namespace detox
