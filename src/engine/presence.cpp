#include "engine/presence.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/round_number.hpp"
#include "base/worker_names.hpp"

namespace detox {
namespace {

constexpr std::size_t kMostInSummary = 8, kMostLines = 100;

}  // namespace

Presence::Presence(std::size_t workers, std::size_t slices, std::size_t bears, bool gives_away)
    : workers_(workers), slices_(slices), bears_(bears), gives_away_(gives_away) {}

void Presence::expect(std::uint32_t worker, std::uint64_t round, Time now) {
  round_ = round;
  const std::uint64_t step = step_of_round(round);
  Worker& one = workers_[worker];
  ++one.expected;
  if (one.silent_steps++ == 0) {
    one.silent_from = step;
    one.silent_at = now;
  }
  if (one.late_steps++ == 0) {
    one.late_from = step;
    one.late_at = now;
  }
}

void Presence::heard(std::uint32_t worker, std::uint64_t round) {
  Worker& one = workers_[worker];
  if (round <= one.newest || round > round_) return;
  one.newest = round;
  ++one.answered;
  one.silent_steps = 0;
  one.missed_deadline = false;
  if (round == round_) one.late_steps = 0;
}

void Presence::missed(std::uint32_t worker) { workers_[worker].missed_deadline = true; }

Presence::Told Presence::state_of(const Worker& worker, Time now) const {
  if (worker.told == Told::kEnded) return Told::kEnded;
  const bool is_long_silent =
      worker.silent_steps >= kSilentSteps && now - worker.silent_at >= kLeastSilence;
  // Nobody is there again, or only late, before an answer has come.
  if (worker.silent_steps > 0 &&
      (is_long_silent || worker.missed_deadline || worker.told == Told::kSilent)) {
    return Told::kSilent;
  }
  if (worker.late_steps >= kLateSteps && now - worker.late_at >= kLeastSilence) return Told::kLate;
  // Late is over with an answer in time, and silence with any.
  return worker.told == Told::kLate && worker.late_steps > 0 ? Told::kLate : Told::kThere;
}

std::string Presence::what_is_left() const {
  if (gives_away_) return "others compute its pieces";
  const auto out = static_cast<std::size_t>(std::ranges::count_if(workers_, [](const Worker& one) {
    return one.told == Told::kSilent || one.told == Told::kEnded;
  }));
  const std::size_t size = workers_.size() / slices_;
  std::string left;
  if (size == 1) {
    left = out == 1 ? "its pieces are lost; " : "their pieces are lost; ";
  } else if (out == 1) {
    left = fmt::format("each of its pieces has {} of {} workers left; ", size - 1, size);
  }
  if (out > bears_) {
    return left + fmt::format("{} {} out, and the run was built for q={}: steps may be skipped",
                              out, out == 1 ? "is" : "are", bears_);
  }
  return left + fmt::format("{}the run bears {} more that fail or lie (q={})",
                            out == 1 ? "" : fmt::format("{} are out; ", out), bears_ - out, bears_);
}

std::string Presence::ended(std::uint32_t worker, std::string_view why) {
  Worker& one = workers_[worker];
  one.told = Told::kEnded;
  one.told_from = std::max<std::uint64_t>(step_of_round(round_), 1);
  return fmt::format("worker {} has ended, the run goes on without it: {}; {}", worker + 1, why,
                     what_is_left());
}

std::string Presence::line(Told told, const std::vector<std::uint32_t>& workers) const {
  const Worker& first = workers_[workers.front()];
  const bool many = workers.size() > 1;
  const std::string who = worker_names(workers) + (many ? " are" : " is");
  const bool is_last = first.times_told >= kMostTimesTold;
  const std::string no_more = is_last ? "; this comes and goes, no more is said of it here" : "";
  switch (told) {
    case Told::kSilent:
      return fmt::format("{} silent since step {}, dead, stopped or cut off; {}{}", who,
                         first.told_from, what_is_left(), no_more);
    case Told::kLate:
      return fmt::format(
          "{} late: no answer in time since step {}; steps go on with the votes of others{}", who,
          first.told_from, no_more);
    default:
      return fmt::format("{} there again in step {}{}", who, step_of_round(round_),
                         many ? ""
                              : fmt::format(", {} of {} answers are missing",
                                            first.expected - first.answered, first.expected));
  }
}

std::vector<std::string> Presence::news(Time now) {
  std::map<std::pair<Told, std::uint64_t>, std::vector<std::uint32_t>> changed;
  for (std::uint32_t number = 0; number < workers_.size(); ++number) {
    Worker& one = workers_[number];
    const Told state = state_of(one, now);
    if (state == one.told) continue;
    one.told = state;
    if (state != Told::kThere) {
      one.told_from = state == Told::kSilent ? one.silent_from : one.late_from;
      ++one.times_told;
    }
    const bool is_back = state == Told::kThere;
    if (one.times_told > kMostTimesTold - (is_back ? 1 : 0)) continue;
    changed[{state, state == Told::kThere ? 0 : one.told_from}].push_back(number);
  }
  std::vector<std::string> lines;
  for (const auto& [what, workers] : changed) {
    if (++lines_ <= kMostLines) lines.push_back(line(what.first, workers));
    if (lines_ == kMostLines)
      lines.emplace_back("no more is said of workers that come and go here");
  }
  return lines;
}

std::string Presence::summary() const {
  std::vector<std::string> each;
  std::size_t more = 0;
  for (std::uint32_t number = 0; number < workers_.size(); ++number) {
    const Worker& one = workers_[number];
    if (one.times_told == 0 && one.told != Told::kEnded) continue;
    if (each.size() == kMostInSummary) {
      ++more;
      continue;
    }
    const std::string now = one.told == Told::kSilent  ? " silent since step "
                            : one.told == Told::kLate  ? " late since step "
                            : one.told == Told::kEnded ? " ended in step "
                                                       : "";
    each.push_back(fmt::format("worker {}{}{} ({} of {} answers)", number + 1, now,
                               now.empty() ? "" : std::to_string(one.told_from),
                               one.expected - one.answered, one.expected));
  }
  if (each.empty()) return {};
  return fmt::format("missing: {}{}", fmt::join(each, ", "),
                     more > 0 ? fmt::format(" and {} more workers", more) : "");
}

}  // namespace detox
