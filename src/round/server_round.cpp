#include "round/server_round.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/finite.hpp"
#include "round/column_aggregation.hpp"
#include "stages/assign/placement.hpp"

namespace detox {
namespace {

/// Adds the time since `mark` to `sum` and moves the mark.
void lap(const Clock& clock, Clock::time_point& mark, double& sum) {
  const auto now = clock.now();
  sum += std::chrono::duration<double>(now - mark).count();
  mark = now;
}

}  // namespace

ServerRound::ServerRound(const Parts& parts)
    : parts_(parts),
      clock_(parts.fleet.clock()),
      hierarchy_(parts.plan.hierarchy),
      median_(make_aggregator("coord-median", {})) {}

StepReport ServerRound::run(std::uint64_t step, std::chrono::duration<double> time_limit,
                            const State& state) {
  StepReport report;
  report.step = step;
  report.lr = parts_.lr.at(step);
  report.assignment = assign(step);
  if (parts_.replay != nullptr) recorded_ = parts_.replay->at(step, report.assignment);
  const auto start = clock_.now();
  const std::vector<bool> absent = absent_workers(step);
  Ballot ballot({step, report.assignment, absent, parts_.format.layout().size(),
                 parts_.plan.num_aggregate, recent_, clock_});
  StepOrder order{step, report.assignment, absent, state.model.parameters, state.model.statistics};
  const auto weights_of = [this](std::span<const std::uint32_t> slices) {
    return parts_.plan.weighs_samples
               ? slice_samples(parts_.samples_per_step, parts_.plan.k, slices)
               : std::vector<double>();
  };
  AggregationContext context{parts_.pool, workspace_, step};
  Workspace::Scope scratch(workspace_);
  const std::span<float> gradient = scratch.take<float>(parts_.format.d());
  ColumnAggregation early({hierarchy_, parts_.keys.buckets, gradient, context, weights_of, clock_});
  if (may_begin_early())
    order.on_columns = [&early](const ReadyColumns& columns) { early.take(columns); };
  collect_votes(order, time_limit, ballot, report);
  if (report.interrupted) return report;
  report.seconds.receive -= early.seconds();
  report.seconds.aggregate = early.seconds();
  auto mark = clock_.now();

  const std::vector<std::uint32_t> resolved = choose(ballot, report);
  measure(ballot, resolved, report);
  report.skipped_because = hierarchy_.unmet_requirement(std::span(resolved));
  const std::vector<double> weights = weights_of(resolved);
  if (report.skipped_because.empty() && !weights.empty())
    report.skipped_because = hierarchy_.unmet_weights(weights);
  if (recorded_) parts_.replay->check_skipped(*recorded_, report.skipped_because);
  if (report.skipped_because.empty()) {
    report.used = resolved;
    if (!early.is_whole_for(resolved)) aggregate(ballot, resolved, weights, step, state, gradient);
    lap(clock_, mark, report.seconds.aggregate);
    update(ballot, resolved, gradient, state, report);
    lap(clock_, mark, report.seconds.update);
  }
  report.seconds.total = clock_.seconds_since(start);
  return report;
}

Assignment ServerRound::assign(std::uint64_t step) const {
  const Plan& plan = parts_.plan;
  return plan.random_placement ? random_placement(plan.workers, plan.k, parts_.keys.placement, step)
                               : fixed_placement(plan.workers, plan.k);
}

void ServerRound::collect_votes(const StepOrder& order, std::chrono::duration<double> time_limit,
                                Ballot& ballot, StepReport& report) {
  const FleetReport fleet = parts_.fleet.run_step(order, time_limit, ballot);
  report.seconds.broadcast = fleet.broadcast_s;
  report.seconds.compute = fleet.compute_s;
  report.seconds.receive = fleet.receive_s;
  report.in_vain_s = fleet.in_vain_s;
  report.bytes_in = fleet.bytes_in;
  report.bytes_out = fleet.bytes_out;
  report.interrupted = fleet.interrupted;
  if (report.interrupted) return;
  auto mark = clock_.now();
  ballot.close(fleet.ended_early);
  report.seconds.vote = ballot.seconds();
  lap(clock_, mark, report.seconds.vote);
  report.unresolved = ballot.unresolved();
  for (std::uint32_t slice = 0; slice < order.assignment.slices(); ++slice)
    report.counted.push_back(ballot.counted(slice));
  report.ledger = std::move(ballot.ledger());
}

/// Rows as they lie in the answers, all of them used.
bool ServerRound::may_begin_early() const {
  return hierarchy_.is_by_columns() && !parts_.format.rows_need_decoding() &&
         !parts_.plan.keeps_last && parts_.plan.num_aggregate == parts_.plan.k;
}

/// The slices that the step goes on with, as recorded or as they came. Of a step that was skipped
/// none was used; that is so only where fewer had a majority than it would have gone on with, so
/// that these are all.
std::vector<std::uint32_t> ServerRound::choose(const Ballot& ballot,
                                               const StepReport& report) const {
  if (!recorded_) return ballot.used();
  parts_.replay->check_counted(*recorded_, report.counted);
  return recorded_->skipped ? ballot.used() : used_slices(*recorded_);
}

void ServerRound::measure(const Ballot& ballot, const std::vector<std::uint32_t>& resolved,
                          StepReport& report) {
  if (resolved.empty()) return;
  std::vector<std::array<double, 2>> tallies;
  std::vector<const double*> rows;
  const std::vector<double> samples =
      slice_samples(parts_.samples_per_step, parts_.plan.k, resolved);
  for (std::size_t i = 0; i < resolved.size(); ++i) {
    const AnswerTally tally = read_tally(parts_.format.layout(), ballot.answer(resolved[i]));
    tallies.push_back(
        {tally.loss_sum / samples[i], static_cast<double>(tally.correct) / samples[i]});
  }
  rows.reserve(tallies.size());
  for (const auto& tally : tallies) rows.push_back(tally.data());
  std::array<double, 2> medians{};
  AggregationContext context{parts_.pool, workspace_, report.step};
  median_->aggregate(Rows<double>{rows, 2}, medians, context);
  report.loss = medians[0];
  report.accuracy = medians[1];
}

void ServerRound::aggregate(const Ballot& ballot, const std::vector<std::uint32_t>& resolved,
                            std::span<const double> weights, std::uint64_t step, const State& state,
                            std::span<float> gradient) {
  const std::size_t d = parts_.format.d();
  if (parts_.format.rows_need_decoding() && hierarchy_.takes_packed_signs()) {
    std::vector<const std::byte*> packed;
    packed.reserve(resolved.size());
    for (const std::uint32_t slice : resolved)
      packed.push_back(parts_.format.encoded_gradient(ballot.answer(slice)).data());
    hierarchy_.aggregate_packed_signs(packed, gradient, parts_.pool);
    return;
  }
  Workspace::Scope scratch(workspace_);
  std::vector<const float*> rows;
  if (parts_.format.rows_need_decoding()) {
    const std::span<float> decoded = scratch.take<float>(resolved.size() * d);
    parts_.pool.parallel_for(resolved.size(), [&](std::size_t i, std::size_t) {
      parts_.format.decode_gradient(ballot.answer(resolved[i]), decoded.subspan(i * d, d));
    });
    for (std::size_t i = 0; i < resolved.size(); ++i) rows.push_back(decoded.data() + i * d);
  } else {
    for (const std::uint32_t slice : resolved)
      rows.push_back(parts_.format.gradient_row(ballot.answer(slice)));
  }
  AggregationContext context{parts_.pool, workspace_, step, {}, weights, state.last_aggregate};
  hierarchy_.aggregate(Rows<float>{rows, d}, parts_.keys.buckets, gradient, context);
}

void ServerRound::update(const Ballot& ballot, const std::vector<std::uint32_t>& resolved,
                         std::span<const float> gradient, const State& state, StepReport& report) {
  SgdOptions sgd = parts_.sgd;
  sgd.lr = report.lr;
  report.weights_are_finite =
      sgd_step(sgd, gradient, state.model.parameters, state.velocity, parts_.pool);
  if (!report.weights_are_finite) report.gradient_is_finite = all_finite(gradient);
  if (parts_.plan.keeps_last) state.last_aggregate.assign(gradient.begin(), gradient.end());
  parts_.layout.count_step(state.model.counters);
  if (parts_.format.s() == 0) return;
  std::vector<const float*> rows;
  rows.reserve(resolved.size());
  for (const std::uint32_t slice : resolved)
    rows.push_back(parts_.format.statistics_row(ballot.answer(slice)));
  Workspace::Scope scratch(workspace_);
  const std::span<float> medians = scratch.take<float>(parts_.format.s());
  AggregationContext context{parts_.pool, workspace_, report.step};
  median_->aggregate(Rows<float>{rows, parts_.format.s()}, medians, context);
  std::copy(medians.begin(), medians.end(), state.model.statistics.begin());
}

std::vector<bool> ServerRound::absent_workers(std::uint64_t step) const {
  if (recorded_) return not_counted(*recorded_, parts_.plan.workers);
  std::vector<bool> absent(parts_.plan.workers);
  for (const Absence& absence : parts_.plan.absences) {
    if (step >= absence.from && step <= absence.to) absent[absence.worker] = true;
  }
  return absent;
}

}  // namespace detox
