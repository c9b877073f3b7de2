// All workers in this process: slices are computed by a pool of threads, one learner a thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/adversary.hpp"
#include "engine/batch_loader.hpp"
#include "engine/slice_computer.hpp"
#include "round/fleet.hpp"

namespace detox {

/// An honest slice is computed once for all its replicas unless `every_replica`: then every worker
/// computes its own. Data, format, adversary and pool outlive it.
class LocalFleet final : public Fleet {
 public:
  struct Parts {
    const Dataset& data;
    const AnswerFormat& format;
    const Adversary& adversary;
    ThreadPool& pool;
    Key data_key;
    std::size_t samples_per_step;
    std::size_t slices;
    bool every_replica;
    /// A simulated straggler later than this misses its step. Infinite where a record says who
    /// does.
    double step_timeout_s = 60;
  };
  LocalFleet(const Parts& parts, const LearnerFactory& make_learner);

  /// All answers are there at once. Hands them on in the order of their slices: --num-aggregate
  /// takes the first ones. Waits for nobody: hands on what would come after the step's timeout with
  /// the next step, as a late answer. Ignores the time limit, which depends on how long steps took.
  FleetReport run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                       StepVotes& votes) override;

  /// Seconds that computing threads have waited for their input, all together.
  double waited_for_data_s() const { return loader_.waited_s(); }

 private:
  void hand_on_late(const StepOrder& order, StepVotes& votes);
  /// What is missing of the answers to these orders. Returns where each lies in honest_.
  std::vector<std::size_t> compute_honest(const StepOrder& order,
                                          std::span<const SliceOrder> orders);
  void compute_corrupt(const StepOrder& order, const StepLies& lies,
                       std::span<const SliceOrder> orders);
  SliceReader reader() const;
  /// What these copies are for other labels or other samples: null where they are of neither.
  std::vector<const AnswerSlot*> compute_attacked(const StepOrder& order,
                                                  std::span<const SliceOrder> copies);

  Parts parts_;
  BatchLoader loader_;
  std::optional<SliceReader>
      other_reader_;  ///< of samples of another step, once somebody sends such
  std::vector<std::unique_ptr<SliceComputer>> computers_;  ///< one a thread
  std::vector<AnswerSlot> honest_;            ///< one a slice, then one for every further replica
  std::vector<Clock::time_point> honest_at_;  ///< when each was there
  std::vector<bool> is_given_;                ///< by slice: it is some worker's answer
  std::vector<AnswerSlot> corrupt_;           ///< one a lie, made when first needed
  std::vector<AnswerSlot> attacked_;          ///< likewise
  std::vector<SliceOrder> told_;  ///< of each lie of the step, who was the first to tell it
  /// By slice and worker: which lie it tells. Colluders tell one.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> lie_of_;
  /// Sealed slots.
  std::vector<std::span<const std::byte>> honest_answers_, corrupt_answers_;
  std::vector<IncomingAnswer> late_;  ///< of the last step; their bytes are those of honest_
};

}  // namespace detox
