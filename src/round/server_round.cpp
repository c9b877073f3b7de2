#include "round/server_round.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/finite.hpp"

namespace detox {
namespace {

/// Adds the time since `mark` to `sum` and moves the mark.
void lap(const Clock& clock, Clock::time_point& mark, double& sum) {
  const auto now = clock.now();
  sum += std::chrono::duration<double>(now - mark).count();
  mark = now;
}

std::vector<std::uint32_t> convicted_in(const std::vector<LedgerEntry>& ledger) {
  std::set<std::uint32_t> workers;
  for (const LedgerEntry& entry : ledger) {
    if (entry.kind == Suspicion::kConvicted) workers.insert(entry.worker);
  }
  return {workers.begin(), workers.end()};
}

}  // namespace

ServerRound::ServerRound(const Parts& parts)
    : parts_(parts),
      clock_(parts.fleet.clock()),
      defence_({.plan = parts.plan,
                .format = parts.format,
                .bucket_key = parts.keys.buckets,
                .samples_per_step = parts.samples_per_step,
                .pool = parts.pool,
                .workspace = workspace_,
                .clock = clock_}),
      median_(make_aggregator("coord-median", {})) {}

StepReport ServerRound::run(std::uint64_t step, std::chrono::duration<double> time_limit,
                            const State& state) {
  const auto start = clock_.now();
  StepReport report;
  report.step = step;
  report.lr = parts_.lr.at(step);
  if (parts_.replay != nullptr) recorded_ = parts_.replay->at(step);
  report.attempt = recorded_ ? recorded_->attempt : state.attempt;
  forget_attempts_before(report.attempt);
  assign(step, state, report);
  if (recorded_) parts_.replay->check_assigned(*recorded_, report.assignment);

  const std::vector<bool> absent = absent_workers(step, state);
  const std::optional<Arbitration> arbitration = arbitration_of(report.round(), state);
  Ballot ballot({.round = report.round(),
                 .assignment = report.assignment,
                 .absent = absent,
                 .answer_bytes = parts_.format.layout().size(),
                 .enough = parts_.plan.num_aggregate,
                 .recent = recent_,
                 .is_lazy = parts_.plan.is_lazy,
                 .recorded = recorded_ ? &*recorded_ : nullptr,
                 .arbitration = arbitration ? &*arbitration : nullptr,
                 .clock = clock_});
  Workspace::Scope scratch(workspace_);
  const std::span<float> gradient = scratch.take<float>(parts_.format.d());
  Defence::Step defence(defence_, step, gradient, state.last_aggregate);
  StepOrder order{.step = step,
                  .assignment = report.assignment,
                  .absent = absent,
                  .parameters = state.model.parameters,
                  .statistics = state.model.statistics,
                  .digests = hasher_.weights(),
                  .attempt = report.attempt,
                  .is_last_chance = state.is_last_chance};
  if (defence.begins_early())
    order.on_columns = [&defence](const ReadyColumns& columns) { defence.take(columns); };
  collect_votes(order, time_limit, ballot, report);
  if (report.interrupted) return report;
  report.seconds.receive -= defence.early_seconds();
  report.seconds.aggregate = defence.early_seconds();

  auto mark = clock_.now();
  const std::vector<std::uint32_t> resolved = choose(ballot, report);
  measure(ballot, resolved, report);
  report.skipped_because =
      defence.finish(resolved, [&](std::uint32_t slice) { return ballot.answer(slice); });
  if (recorded_) parts_.replay->check_skipped(*recorded_, report.skipped_because);
  if (report.skipped_because.empty()) {
    report.used = resolved;
    report.rejected = defence.rejected();
    lap(clock_, mark, report.seconds.aggregate);
    update(ballot, gradient, state, report);
    lap(clock_, mark, report.seconds.update);
  }
  if (parts_.commit != Commit::kOff) {
    mark = clock_.now();
    report.commitment = commit(ballot, state, report);
    lap(clock_, mark, report.seconds.commit);
  }
  report.seconds.total = clock_.seconds_since(start);
  return report;
}

void ServerRound::collect_votes(const StepOrder& order, std::chrono::duration<double> time_limit,
                                Ballot& ballot, StepReport& report) {
  FleetReport fleet = parts_.fleet.run_step(order, time_limit, ballot);
  report.seconds.broadcast = fleet.broadcast_s;
  report.seconds.compute = fleet.compute_s;
  report.seconds.receive = fleet.receive_s;
  report.in_vain_s = fleet.in_vain_s;
  report.bytes_in = fleet.bytes_in;
  report.bytes_out = fleet.bytes_out;
  report.interrupted = fleet.interrupted;
  report.latency = std::move(fleet.latency);
  if (report.latency.codes().empty()) report.latency = StepLatency(parts_.plan.workers);
  report.late = std::move(fleet.late);
  if (report.interrupted) return;
  auto mark = clock_.now();
  ballot.close(fleet.ended_early);
  report.seconds.vote = ballot.seconds();
  lap(clock_, mark, report.seconds.vote);
  report.unresolved = ballot.unresolved();
  for (std::uint32_t slice = 0; slice < order.assignment.slices(); ++slice) {
    report.asked.push_back(ballot.asked(slice));
    report.counted.push_back(ballot.counted(slice));
    if (report.away) report.more.push_back(more_than_dealt(slice, report));
  }
  report.computed_by_server =
      recorded_ ? computed_by_server(*recorded_) : ballot.computed_by_server();
  report.server_was_alone = ballot.server_was_alone();
  report.ledger = std::move(ballot.ledger());
  if (recorded_) report.readmitted = recorded_->readmitted;
  report.convicted = recorded_ ? recorded_->convicted : convicted_in(report.ledger);
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
  if (medians[1] >= 0) report.accuracy = medians[1];
}

Commitment ServerRound::commit(std::uint64_t step, const State& state) {
  hasher_.hash(state.model, state.velocity, state.last_aggregate, parts_.pool);
  return {step, hasher_.digest(step), std::nullopt, state.attempt};
}

Commitment ServerRound::commit(const Ballot& ballot, const State& state, const StepReport& report) {
  // What a skipped step began at, it leaves.
  if (!report.used.empty() || hasher_.weights().chunks.empty())
    hasher_.hash(state.model, state.velocity, state.last_aggregate, parts_.pool);
  Commitment commitment{report.step, hasher_.digest(report.step), std::nullopt, report.attempt};
  if (parts_.commit == Commit::kWeights) return commitment;
  std::vector<UsedAnswer> used;
  used.reserve(report.used.size());
  for (const std::uint32_t slice : report.used)
    used.push_back({slice, ballot.answer(slice), ballot.voted_digests(slice)});
  commitment.answers = digest_of_answers(report.step, used, parts_.voted_chunk_bytes, parts_.pool);
  return commitment;
}

void ServerRound::update(const Ballot& ballot, std::span<const float> gradient, const State& state,
                         StepReport& report) {
  SgdOptions sgd = parts_.sgd;
  sgd.lr = report.lr;
  report.weights_are_finite =
      sgd_step(sgd, gradient, state.model.parameters, state.velocity, parts_.pool);
  if (!report.weights_are_finite) report.gradient_is_finite = all_finite(gradient);
  if (parts_.plan.keeps_last) state.last_aggregate.assign(gradient.begin(), gradient.end());
  parts_.layout.count_step(state.model.counters);
  if (parts_.format.s() == 0) return;
  std::vector<const float*> rows;
  rows.reserve(report.used.size());
  for (const std::uint32_t slice : report.used)
    rows.push_back(parts_.format.statistics_row(ballot.answer(slice)));
  Workspace::Scope scratch(workspace_);
  const std::span<float> medians = scratch.take<float>(parts_.format.s());
  AggregationContext context{parts_.pool, workspace_, report.step};
  median_->aggregate(Rows<float>{rows, parts_.format.s()}, medians, context);
  std::copy(medians.begin(), medians.end(), state.model.statistics.begin());
}

/// Copies are dealt among those who are there: nobody who is left out, put out, or known to be
/// gone.
void ServerRound::assign(std::uint64_t step, const State& state, StepReport& report) const {
  const DefencePlan& plan = parts_.plan;
  if (!plan.arbitrated) {
    report.assignment = plan.assign(parts_.keys.placement, step);
    return;
  }
  std::vector<bool> away;
  if (recorded_) {
    away = parts_.replay->away(*recorded_, plan.workers);
  } else {
    away = absent_workers(step, state);
    const std::vector<bool> gone = parts_.fleet.away(step);
    for (std::size_t worker = 0; worker < gone.size(); ++worker)
      away[worker] = away[worker] || gone[worker];
  }
  report.away.emplace();
  for (std::uint32_t worker = 0; worker < plan.workers; ++worker) {
    if (away[worker]) report.away->push_back(worker);
  }
  report.put_out = recorded_ ? recorded_->put_out : put_out(state);
  report.assignment = plan.deal(parts_.keys.placement, report.round(), away, report.put_out);
  const Dealing& dealing = plan.arbitrated->dealing;
  const bool compares = std::ranges::any_of(report.assignment.workers_of_slice,
                                            [](const auto& workers) { return workers.size() > 1; });
  const bool should =
      dealing.copies > 1 || dealing.audit_rate * static_cast<double>(dealing.slices) >= 1;
  report.compares_nothing = should && !compares && !report.away->empty();
}

/// Who was asked besides those that the slice was dealt to, now or as recorded.
std::vector<std::uint32_t> ServerRound::more_than_dealt(std::uint32_t slice,
                                                        const StepReport& report) const {
  if (recorded_) return recorded_->slices[slice].more;
  std::vector<std::uint32_t> more = report.asked[slice];
  std::erase_if(more,
                [&](std::uint32_t worker) { return report.assignment.is_assigned(worker, slice); });
  return more;
}

/// A late answer of an earlier one accuses nobody: what it is compared with was taken back.
void ServerRound::forget_attempts_before(std::uint64_t attempt) {
  if (std::exchange(attempt_, attempt) != attempt) recent_ = {};
}

std::size_t ServerRound::put_out(const State& state) {
  return state.evictions == nullptr ? 0 : state.evictions->out();
}

std::optional<Arbitration> ServerRound::arbitration_of(std::uint64_t round,
                                                       const State& state) const {
  const DefencePlan& plan = parts_.plan;
  if (!plan.arbitrated || recorded_) return std::nullopt;
  return Arbitration{
      .by_server = plan.arbitrated->by_server,
      .truth = std::max<std::size_t>(2, plan.q + 1),  // one alone is no other's judge
      .dealing = plan.arbitrated->dealing,
      .liars = plan.q - std::min(plan.q, put_out(state)),
      .rechecked = plan.rechecked(parts_.keys.placement, round)};
}

std::vector<bool> ServerRound::absent_workers(std::uint64_t step, const State& state) const {
  if (recorded_) return not_counted(*recorded_, parts_.plan.workers);
  std::vector<bool> absent(parts_.plan.workers);
  for (const Absence& absence : parts_.plan.absences) {
    if (step >= absence.from && step <= absence.to) absent[absence.worker] = true;
  }
  for (std::uint32_t worker = 0; state.evictions != nullptr && worker < absent.size(); ++worker)
    absent[worker] = absent[worker] || state.evictions->is_out(worker);
  return absent;
}

}  // namespace detox
