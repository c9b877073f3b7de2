#include "engine/local_fleet.hpp"

#include <algorithm>
#include <cmath>

namespace detox {

LocalFleet::LocalFleet(const Parts& parts, const LearnerFactory& make_learner)
    : parts_(parts),
      loader_({parts.data,
               {parts.data.size(), parts.slices, parts.samples_per_step, parts.data_key},
               parts.data_key},
              parts.slices) {
  for (std::size_t thread = 0; thread < parts.pool.size(); ++thread) {
    computers_.push_back(std::make_unique<SliceComputer>(make_learner()));
  }
}

FleetReport LocalFleet::run_step(const StepOrder& order,
                                 std::chrono::duration<double> /*time_limit*/, StepVotes& votes) {
  FleetReport report;
  const auto start = clock().now();
  loader_.begin_step(order.step);
  hand_on_late(order, votes);
  compute_honest(order);
  const Adversary& adversary = parts_.adversary;
  std::vector<bool> byzantine(order.assignment.workers());
  if (adversary.active()) {
    byzantine = adversary.byzantine(order.step, order.assignment);
    if (!adversary.delays()) compute_corrupt(order, byzantine);
  }
  report.compute_s = clock().seconds_since(start);
  for (std::uint32_t slice = 0; slice < order.assignment.slices(); ++slice) {
    for (const std::uint32_t worker : order.assignment.workers_of_slice[slice]) {
      if (order.absent[worker]) continue;
      const auto honest = honest_answers_[parts_.every_replica ? worker : slice];
      if (!byzantine[worker] || adversary.delay_s() < parts_.step_timeout_s) {
        const bool is_lie = byzantine[worker] && !adversary.delays();
        votes.count({order.step, worker, slice, is_lie ? corrupt_answers_[slice] : honest});
      } else if (std::isfinite(adversary.delay_s())) {
        late_.push_back({order.step, worker, slice, honest});
      }
    }
  }
  return report;
}

void LocalFleet::hand_on_late(const StepOrder& order, StepVotes& votes) {
  for (const IncomingAnswer& answer : late_) {
    if (!order.absent[answer.worker]) votes.count(answer);
  }
  late_.clear();
}

void LocalFleet::compute_honest(const StepOrder& order) {
  const std::size_t jobs =
      parts_.every_replica ? order.assignment.workers() : order.assignment.slices();
  while (honest_.size() < jobs) honest_.push_back(parts_.format.make_slot());
  honest_answers_.resize(jobs);
  parts_.pool.parallel_for(jobs, [&](std::size_t job, std::size_t thread) {
    const std::size_t slice = parts_.every_replica ? order.assignment.slice_of_worker[job] : job;
    computers_[thread]->compute(loader_.slice(slice).batch(), order.parameters, order.statistics,
                                parts_.format, honest_[job]);
    honest_answers_[job] = parts_.format.seal(honest_[job], order.step);
  });
}

void LocalFleet::compute_corrupt(const StepOrder& order, const std::vector<bool>& byzantine) {
  const auto& groups = order.assignment.workers_of_slice;
  while (corrupt_.size() < groups.size()) corrupt_.push_back(parts_.format.make_slot());
  corrupt_answers_.resize(groups.size());
  std::vector<const AnswerSlot*> honest;
  honest.reserve(groups.size());
  for (const auto& group : groups) {
    // Any replica's values are the slice's honest values.
    honest.push_back(&honest_[parts_.every_replica ? group.front() : honest.size()]);
  }
  if (parts_.adversary.flips_labels()) flip_labels(order, byzantine, honest);
  const std::vector<std::uint32_t> owned = owned_slices(order.assignment, byzantine);
  Adversary::Scene scene{order.step, owned, honest};
  for (std::size_t slice = 0; slice < groups.size(); ++slice) {
    for (const std::uint32_t worker : groups[slice]) {
      if (!byzantine[worker]) continue;
      parts_.adversary.corrupt(scene, slice, parts_.format, corrupt_[slice], parts_.pool);
      scene.elsewhere = &corrupt_[slice];
      corrupt_answers_[slice] = parts_.format.seal(corrupt_[slice], order.step);
      break;
    }
  }
}

void LocalFleet::flip_labels(const StepOrder& order, const std::vector<bool>& byzantine,
                             std::vector<const AnswerSlot*>& honest) {
  while (flipped_.size() < honest.size()) flipped_.push_back(parts_.format.make_slot());
  const auto& groups = order.assignment.workers_of_slice;
  parts_.pool.parallel_for(honest.size(), [&](std::size_t slice, std::size_t thread) {
    if (std::ranges::none_of(groups[slice], [&](std::uint32_t w) { return byzantine[w]; })) return;
    flipped_[slice].tally = honest[slice]->tally;
    computers_[thread]->compute_flipped(loader_.slice(slice).batch(), parts_.data.classes(),
                                        order.parameters, order.statistics, parts_.format,
                                        flipped_[slice]);
    honest[slice] = &flipped_[slice];
  });
}

}  // namespace detox
