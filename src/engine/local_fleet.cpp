#include "engine/local_fleet.hpp"

#include <algorithm>
#include <cmath>

namespace detox {

LocalFleet::LocalFleet(const Parts& parts, const LearnerFactory& make_learner)
    : parts_(parts), loader_(reader(), parts.slices) {
  for (std::size_t thread = 0; thread < parts.pool.size(); ++thread) {
    computers_.push_back(std::make_unique<SliceComputer>(make_learner()));
  }
}

SliceReader LocalFleet::reader() const {
  return {parts_.data,
          {parts_.data.size(), parts_.slices, parts_.samples_per_step, parts_.data_key},
          parts_.data_key};
}

FleetReport LocalFleet::run_step(const StepOrder& order,
                                 std::chrono::duration<double> /*time_limit*/, StepVotes& votes) {
  FleetReport report;
  const Adversary& adversary = parts_.adversary;
  report.latency = StepLatency(order.assignment.workers());
  loader_.begin_step(order.step);
  hand_on_late(order, votes);
  honest_answers_.clear();
  is_given_.assign(order.assignment.slices(), false);
  StepLies lies;
  if (adversary.active()) lies = adversary.lies(order.step, order.assignment);
  lie_of_.clear();
  told_.clear();
  std::vector<SliceOrder> orders = votes.take_orders();
  do {
    const auto start = clock().now();
    const std::vector<std::size_t> places = compute_honest(order, orders);
    if (adversary.corrupts()) compute_corrupt(order, lies, orders);
    const auto end = clock().now();
    report.compute_s += std::chrono::duration<double>(end - start).count();
    for (std::size_t i = 0; i < orders.size(); ++i) {
      const auto [worker, slice] = orders[i];
      const std::span<const std::byte> honest = honest_answers_[places[i]];
      const bool lies_now = lies.tells(orders[i]);
      report.latency.order(worker);
      const bool is_late = lies_now && adversary.delay_s() >= parts_.step_timeout_s;
      if (!is_late && !lies.is_silent(worker)) {
        const bool is_lie = lies_now && adversary.corrupts();
        const auto at = is_lie ? end : honest_at_[places[i]];
        report.latency.answer(worker, std::chrono::duration<double>(at - start).count());
        votes.count({order.round(), worker, slice,
                     is_lie ? corrupt_answers_[lie_of_.at({slice, worker})] : honest});
        continue;
      }
      if (is_late && std::isfinite(adversary.delay_s()))
        late_.push_back({order.round(), worker, slice, honest});
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
  honest_at_.resize(jobs);
  parts_.pool.parallel_for(slice_of_job.size(), [&](std::size_t job, std::size_t thread) {
    const std::size_t place = done + job;
    computers_[thread]->compute(loader_.slice(slice_of_job[job]).batch(), order.parameters,
                                order.statistics, parts_.format, honest_[place]);
    honest_answers_[place] = parts_.format.seal(honest_[place], order.step);
    honest_at_[place] = clock().now();
  });
  return places;
}

/// The lies that these orders are answered with and that nobody has told yet.
void LocalFleet::compute_corrupt(const StepOrder& order, const StepLies& lies,
                                 std::span<const SliceOrder> orders) {
  const std::size_t done = told_.size();
  for (const SliceOrder& copy : orders) {
    if (!lies.tells(copy)) continue;
    const auto same = std::ranges::find(told_, copy.slice, &SliceOrder::slice);
    const bool is_told = parts_.adversary.colludes() && same != told_.end();
    lie_of_[{copy.slice, copy.worker}] =
        is_told ? static_cast<std::size_t>(same - told_.begin()) : told_.size();
    if (!is_told) told_.push_back(copy);
  }
  const std::span<const SliceOrder> copies = std::span(told_).subspan(done);
  while (corrupt_.size() < told_.size()) corrupt_.push_back(parts_.format.make_slot());
  corrupt_answers_.resize(told_.size());
  std::vector<const AnswerSlot*> honest;
  honest.reserve(lies.liars.size());
  for (std::size_t slice = 0; slice < lies.liars.size(); ++slice) honest.push_back(&honest_[slice]);
  const std::vector<const AnswerSlot*> attacked = compute_attacked(order, copies);
  Adversary::Scene scene{order.step, lies.owned, honest};
  if (done > 0) scene.elsewhere = &corrupt_[done - 1];
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const std::size_t lie = done + i;
    scene.attacked = attacked[i];
    parts_.adversary.corrupt(scene, copies[i], parts_.format, corrupt_[lie], parts_.pool);
    scene.elsewhere = &corrupt_[lie];
    corrupt_answers_[lie] = parts_.format.seal(corrupt_[lie], order.step);
  }
}

std::vector<const AnswerSlot*> LocalFleet::compute_attacked(const StepOrder& order,
                                                            std::span<const SliceOrder> copies) {
  const Adversary& adversary = parts_.adversary;
  std::vector<const AnswerSlot*> attacked(copies.size());
  std::vector<SliceBatch> others(copies.size());
  for (std::size_t lie = 0; lie < copies.size(); ++lie) {
    const auto other = adversary.other_batch(order.step, copies[lie], parts_.slices);
    if (!other && !adversary.flips_labels()) continue;
    while (attacked_.size() <= lie) attacked_.push_back(parts_.format.make_slot());
    if (!other) continue;
    if (!other_reader_) other_reader_.emplace(reader());
    other_reader_->begin_step(other->step);
    other_reader_->read(other->slice, others[lie]);
  }
  parts_.pool.parallel_for(copies.size(), [&](std::size_t lie, std::size_t thread) {
    SliceComputer& computer = *computers_[thread];
    if (adversary.flips_labels()) {
      computer.compute_flipped(loader_.slice(copies[lie].slice).batch(), parts_.data.classes(),
                               order.parameters, order.statistics, parts_.format, attacked_[lie]);
    } else if (!others[lie].labels.empty()) {
      computer.compute_values(others[lie].batch(), order.parameters, order.statistics,
                              parts_.format, attacked_[lie]);
    } else {
      return;
    }
    attacked[lie] = &attacked_[lie];
  });
  return attacked;
}

}  // namespace detox
