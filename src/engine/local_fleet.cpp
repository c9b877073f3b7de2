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
  const Adversary& adversary = parts_.adversary;
  loader_.begin_step(order.step);
  hand_on_late(order, votes);
  honest_answers_.clear();
  is_given_.assign(order.assignment.slices(), false);
  std::vector<bool> byzantine(order.assignment.workers());
  if (adversary.active()) byzantine = adversary.byzantine(order.step, order.assignment);
  std::vector<SliceOrder> orders = votes.take_orders();
  do {
    const auto start = clock().now();
    const bool is_first = honest_answers_.empty();
    const std::vector<std::size_t> places = compute_honest(order, orders);
    if (is_first && adversary.active() && !adversary.delays()) compute_corrupt(order, byzantine);
    report.compute_s += clock().seconds_since(start);
    for (std::size_t i = 0; i < orders.size(); ++i) {
      const auto [worker, slice] = orders[i];
      const std::span<const std::byte> honest = honest_answers_[places[i]];
      if (!byzantine[worker] || adversary.delay_s() < parts_.step_timeout_s) {
        const bool is_lie = byzantine[worker] && !adversary.delays();
        votes.count({order.step, worker, slice, is_lie ? corrupt_answers_[slice] : honest});
        continue;
      }
      if (std::isfinite(adversary.delay_s())) late_.push_back({order.step, worker, slice, honest});
      votes.pass_over({worker, slice});
    }
    orders = votes.take_orders();
  } while (!orders.empty());
  return report;
}

void LocalFleet::hand_on_late(const StepOrder& order, StepVotes& votes) {
  for (const IncomingAnswer& answer : late_) {
    if (!order.absent[answer.worker]) votes.count(answer);
  }
  late_.clear();
}

/// Every slice once, whether or not anybody was asked for it: attackers may know them all.
std::vector<std::size_t> LocalFleet::compute_honest(const StepOrder& order,
                                                    std::span<const SliceOrder> orders) {
  std::vector<std::size_t> slice_of_job;
  const std::size_t done = honest_answers_.size();
  for (std::size_t slice = 0; done == 0 && slice < order.assignment.slices(); ++slice)
    slice_of_job.push_back(slice);
  std::vector<std::size_t> places;
  places.reserve(orders.size());
  for (const auto& [worker, slice] : orders) {
    const bool shares = !parts_.every_replica || !is_given_[slice];
    is_given_[slice] = true;
    places.push_back(shares ? slice : done + slice_of_job.size());
    if (!shares) slice_of_job.push_back(slice);
  }
  const std::size_t jobs = done + slice_of_job.size();
  while (honest_.size() < jobs) honest_.push_back(parts_.format.make_slot());
  honest_answers_.resize(jobs);
  parts_.pool.parallel_for(slice_of_job.size(), [&](std::size_t job, std::size_t thread) {
    const std::size_t place = done + job;
    computers_[thread]->compute(loader_.slice(slice_of_job[job]).batch(), order.parameters,
                                order.statistics, parts_.format, honest_[place]);
    honest_answers_[place] = parts_.format.seal(honest_[place], order.step);
  });
  return places;
}

void LocalFleet::compute_corrupt(const StepOrder& order, const std::vector<bool>& byzantine) {
  const auto& groups = order.assignment.workers_of_slice;
  while (corrupt_.size() < groups.size()) corrupt_.push_back(parts_.format.make_slot());
  corrupt_answers_.resize(groups.size());
  std::vector<const AnswerSlot*> honest;
  honest.reserve(groups.size());
  for (std::size_t slice = 0; slice < groups.size(); ++slice) honest.push_back(&honest_[slice]);
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
