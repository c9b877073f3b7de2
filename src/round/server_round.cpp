#include "round/server_round.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/seconds_since.hpp"
#include "stages/assign/placement.hpp"

namespace detox {
namespace {

// Workspace slots above those of the rules and of the hierarchy.
constexpr std::size_t kGradientSlot = 64, kDecodedSlot = 65, kStatisticsSlot = 66;
constexpr std::size_t kLateSteps = 2;

using Clock = std::chrono::steady_clock;

/// Adds the time since `mark` to `sum` and moves the mark.
void lap(Clock::time_point& mark, double& sum) {
  const auto now = Clock::now();
  sum += std::chrono::duration<double>(now - mark).count();
  mark = now;
}

/// What a worker can do any number of times in a step is one entry: a flood must not fill the disk.
void log_once(StepReport& report, const LedgerEntry& entry) {
  if (std::ranges::find(report.ledger, entry) == report.ledger.end())
    report.ledger.push_back(entry);
}

}  // namespace

ServerRound::ServerRound(const Parts& parts)
    : parts_(parts),
      hierarchy_(parts.plan.hierarchy),
      median_(make_aggregator("coord-median", {})) {}

StepReport ServerRound::run(std::uint64_t step, std::chrono::duration<double> time_limit,
                            const State& state) {
  StepReport report;
  report.step = step;
  report.lr = parts_.lr.at(step);
  report.assignment = assign(step);
  if (parts_.replay != nullptr) recorded_ = parts_.replay->at(step, report.assignment);
  first_ = FirstResolved(parts_.plan.num_aggregate);
  const auto start = Clock::now();
  auto mark = start;

  Ballot ballot = collect_votes(step, time_limit, state, report);
  if (report.interrupted) return report;
  mark = Clock::now();
  close_votes(ballot, report);
  const std::vector<std::uint32_t> resolved = choose(report);
  lap(mark, report.seconds.vote);

  measure(ballot, resolved, report);
  report.skipped_because = hierarchy_.unmet_requirement(std::span(resolved));
  std::vector<double> weights;
  if (report.skipped_because.empty() && parts_.plan.weighs_samples) {
    weights = slice_samples(parts_.samples_per_step, parts_.plan.k, resolved);
    report.skipped_because = hierarchy_.unmet_weights(weights);
  }
  if (recorded_) parts_.replay->check_skipped(*recorded_, report.skipped_because);
  if (report.skipped_because.empty()) {
    report.used = resolved;
    const std::span<const float> gradient = aggregate(ballot, resolved, weights, step, state);
    lap(mark, report.seconds.aggregate);
    update(ballot, resolved, gradient, state, report);
    lap(mark, report.seconds.update);
  }
  report.seconds.total = seconds_since(start);
  return report;
}

Assignment ServerRound::assign(std::uint64_t step) const {
  const Plan& plan = parts_.plan;
  return plan.random_placement ? random_placement(plan.workers, plan.k, parts_.keys.placement, step)
                               : fixed_placement(plan.workers, plan.k);
}

ServerRound::Ballot ServerRound::collect_votes(std::uint64_t step,
                                               std::chrono::duration<double> time_limit,
                                               const State& state, StepReport& report) {
  Ballot ballot;
  for (const auto& workers : report.assignment.workers_of_slice) ballot.emplace_back(workers);
  const std::vector<bool> absent = absent_workers(step);
  for (std::uint32_t worker = 0; worker < absent.size(); ++worker) {
    if (absent[worker]) ballot[report.assignment.slice_of_worker[worker]].give_up(worker);
  }
  const StepOrder order{step, report.assignment, absent, state.model.parameters,
                        state.model.statistics};
  const FleetReport fleet = parts_.fleet.run_step(
      order, time_limit,
      [&](const IncomingAnswer& answer) { count_answer(answer, ballot, report); });
  report.seconds.broadcast = fleet.broadcast_s;
  report.seconds.compute = fleet.compute_s;
  report.seconds.receive = fleet.receive_s;
  report.in_vain_s = fleet.in_vain_s;
  report.bytes_in = fleet.bytes_in;
  report.bytes_out = fleet.bytes_out;
  report.interrupted = fleet.interrupted;
  for (std::uint32_t slice = 0; slice < ballot.size(); ++slice) {
    for (const std::uint32_t worker : ballot[slice].missing()) {
      if (!absent[worker]) report.ledger.push_back({step, slice, worker, Suspicion::kMissing});
      ballot[slice].give_up(worker);
    }
  }
  return ballot;
}

void ServerRound::count_answer(const IncomingAnswer& answer, Ballot& ballot, StepReport& report) {
  auto mark = Clock::now();
  if (answer.step != report.step) {
    count_late(answer, report);
  } else if (answer.slice != report.assignment.slice_of_worker[answer.worker] ||
             answer.bytes.size() != parts_.format.layout().size()) {
    const std::uint32_t slice = report.assignment.slice_of_worker[answer.worker];
    log_once(report, {report.step, slice, answer.worker, Suspicion::kMalformed});
  } else if (ballot[answer.slice].add(answer.worker, answer.bytes) ==
             SliceVote::Verdict::kEquivocated) {
    log_once(report, {report.step, answer.slice, answer.worker, Suspicion::kEquivocated});
  }
  if (answer.step == report.step && answer.slice < ballot.size() &&
      ballot[answer.slice].state() == SliceVote::State::kResolved) {
    first_.note(answer.slice);
  }
  lap(mark, report.seconds.vote);
}

void ServerRound::count_late(const IncomingAnswer& answer, StepReport& report) const {
  for (const Majorities& majorities : recent_) {
    if (majorities.step != answer.step) continue;
    const auto found = majorities.digest_of_slice.find(answer.slice);
    if (found == majorities.digest_of_slice.end()) continue;
    const bool agrees = digest_of(answer.bytes) == found->second;
    log_once(report, {answer.step, answer.slice, answer.worker,
                      agrees ? Suspicion::kLateAgree : Suspicion::kLateOutvoted});
  }
}

void ServerRound::close_votes(Ballot& ballot, StepReport& report) {
  Majorities majorities{report.step, {}};
  report.counted.resize(ballot.size());
  for (std::uint32_t slice = 0; slice < ballot.size(); ++slice) {
    SliceVote& vote = ballot[slice];
    if (vote.state() != SliceVote::State::kResolved) {
      report.unresolved.push_back(slice);
      continue;
    }
    for (const auto& candidate : vote.candidates()) {
      if (candidate.answer.data() != vote.winner().data()) continue;
      report.counted[slice] = candidate.workers;
      std::sort(report.counted[slice].begin(), report.counted[slice].end());
    }
    for (const std::uint32_t worker : vote.outvoted()) {
      report.ledger.push_back({report.step, slice, worker, Suspicion::kOutvoted});
    }
    // Hashed only where somebody may still come late: a digest costs more than the vote.
    if (!vote.missing().empty()) majorities.digest_of_slice[slice] = digest_of(vote.winner());
  }
  recent_.push_back(std::move(majorities));
  if (recent_.size() > kLateSteps) recent_.pop_front();
}

/// The slices that the step goes on with, as recorded or as they came. Of a step that was skipped
/// none was used; that is so only where fewer had a majority than it would have gone on with, so
/// that these are all.
std::vector<std::uint32_t> ServerRound::choose(const StepReport& report) const {
  if (!recorded_) return first_.chosen();
  parts_.replay->check_counted(*recorded_, report.counted);
  return recorded_->skipped ? first_.chosen() : used_slices(*recorded_);
}

void ServerRound::measure(const Ballot& ballot, const std::vector<std::uint32_t>& resolved,
                          StepReport& report) {
  if (resolved.empty()) return;
  std::vector<std::array<double, 2>> tallies;
  std::vector<const double*> rows;
  const std::vector<double> samples =
      slice_samples(parts_.samples_per_step, parts_.plan.k, resolved);
  for (std::size_t i = 0; i < resolved.size(); ++i) {
    const AnswerTally tally = read_tally(parts_.format.layout(), ballot[resolved[i]].winner());
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

std::span<const float> ServerRound::aggregate(const Ballot& ballot,
                                              const std::vector<std::uint32_t>& resolved,
                                              std::span<const double> weights, std::uint64_t step,
                                              const State& state) {
  const std::size_t d = parts_.format.d();
  const std::span<float> gradient = workspace_.take<float>(kGradientSlot, d);
  if (parts_.format.rows_need_decoding() && hierarchy_.takes_packed_signs()) {
    std::vector<const std::byte*> packed;
    packed.reserve(resolved.size());
    for (const std::uint32_t slice : resolved)
      packed.push_back(parts_.format.encoded_gradient(ballot[slice].winner()).data());
    hierarchy_.aggregate_packed_signs(packed, gradient, parts_.pool);
    return gradient;
  }
  std::vector<const float*> rows;
  if (parts_.format.rows_need_decoding()) {
    const std::span<float> decoded = workspace_.take<float>(kDecodedSlot, resolved.size() * d);
    parts_.pool.parallel_for(resolved.size(), [&](std::size_t i, std::size_t) {
      parts_.format.decode_gradient(ballot[resolved[i]].winner(), decoded.subspan(i * d, d));
    });
    for (std::size_t i = 0; i < resolved.size(); ++i) rows.push_back(decoded.data() + i * d);
  } else {
    for (const std::uint32_t slice : resolved)
      rows.push_back(parts_.format.gradient_row(ballot[slice].winner()));
  }
  AggregationContext context{parts_.pool, workspace_, step, {}, weights, state.last_aggregate};
  hierarchy_.aggregate(Rows<float>{rows, d}, parts_.keys.buckets, gradient, context);
  return gradient;
}

void ServerRound::update(const Ballot& ballot, const std::vector<std::uint32_t>& resolved,
                         std::span<const float> gradient, const State& state, StepReport& report) {
  SgdOptions sgd = parts_.sgd;
  sgd.lr = report.lr;
  sgd_step(sgd, gradient, state.model.parameters, state.velocity, parts_.pool);
  if (parts_.plan.keeps_last) state.last_aggregate.assign(gradient.begin(), gradient.end());
  parts_.layout.count_step(state.model.counters);
  if (parts_.format.s() == 0) return;
  std::vector<const float*> rows;
  rows.reserve(resolved.size());
  for (const std::uint32_t slice : resolved)
    rows.push_back(parts_.format.statistics_row(ballot[slice].winner()));
  const std::span<float> medians = workspace_.take<float>(kStatisticsSlot, parts_.format.s());
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
