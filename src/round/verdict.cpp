// With a placement that is drawn anew each step, an honest worker shares its slice with a random
// set of others. It is outvoted only where more than half of the slice's replicas lie, so in a
// share of the steps that has a bound whatever the liars do: a hypergeometric tail. The number of
// steps in which it is outvoted then has at most the tail of a binomial with that share. P workers
// are tested at once (Bonferroni). Where a worker has L slices a step, one of its L lists holds at
// least the L-th part of its counts, so that L times as many are tested. Nothing is estimated from
// the other workers' counts, which liars have a hand in. Cost: O(P + steps) for a few q.
#include "round/verdict.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/counted.hpp"
#include "base/worker_names.hpp"

namespace detox {
namespace {

constexpr double kSignificance = 0.001;
constexpr std::size_t kMostTried = 1000;  // numbers of liars
constexpr std::size_t kShownWorkers = 8, kNamedWorkers = 30;

double log_choose(std::size_t n, std::size_t m) {
  const auto log_factorial = [](std::size_t i) { return std::lgamma(static_cast<double>(i) + 1); };
  return log_factorial(n) - log_factorial(m) - log_factorial(n - m);
}

/// That of `others` workers, q of whom lie, a draw of `drawn` holds `least` liars or more.
double share_of_draws(std::size_t others, std::size_t q, std::size_t drawn, std::size_t least) {
  double share = 0;
  for (std::size_t liars = least; liars <= std::min(q, drawn); ++liars) {
    if (drawn - liars > others - q) continue;
    share += std::exp(log_choose(q, liars) + log_choose(others - q, drawn - liars) -
                      log_choose(others, drawn));
  }
  return std::min(share, 1.0);
}

std::string times(std::uint64_t count) {
  return count == 1 ? "once" : fmt::format("{} times", count);
}

/// What no honest worker does, whoever else lies.
std::vector<std::string> own_doing(const Ledger& ledger, std::uint32_t worker) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < kSuspicions; ++i) {
    const auto kind = static_cast<Suspicion>(i);
    const std::uint64_t count = ledger.total(worker, kind);
    if (!is_accusation(kind) || kind == Suspicion::kOutvoted || count == 0) continue;
    found.push_back(fmt::format("{} {}", suspicion_name(kind), times(count)));
  }
  return found;
}

/// The counts of one ledger, as they are judged.
class Counts {
 public:
  Counts(const Ledger& ledger, const VerdictBasis& basis)
      : ledger_(ledger),
        basis_(basis),
        lists_(basis.seating.lists()),
        steps_(basis.last_step + 1 - std::min(basis.first_step, basis.last_step + 1)) {
    for (std::uint32_t worker = 0; worker < basis.seating.workers; ++worker) {
      outvoted_.push_back(ledger.total(worker, Suspicion::kOutvoted) +
                          ledger.total(worker, Suspicion::kLateOutvoted));
    }
  }

  std::vector<std::uint32_t> suspects(std::size_t liars) const {
    VerdictBasis basis = basis_;
    basis.liars = liars;
    const double share = honest_outvoted_share(basis);
    const double limit = kSignificance / static_cast<double>(basis.seating.workers * lists_);
    std::vector<std::uint32_t> found;
    for (std::uint32_t worker = 0; worker < basis.seating.workers; ++worker) {
      const std::uint64_t in_one = (outvoted_[worker] + lists_ - 1) / lists_;
      const bool by_votes = outvoted_[worker] > 0 && binomial_tail(steps_, in_one, share) <= limit;
      if (by_votes || !own_doing(ledger_, worker).empty()) found.push_back(worker);
    }
    return found;
  }

  std::uint64_t outvoted(std::uint32_t worker) const { return outvoted_[worker]; }
  std::uint64_t all_outvoted() const {
    return std::accumulate(outvoted_.begin(), outvoted_.end(), std::uint64_t{0});
  }
  std::string of_steps() const { return counted(steps_, "step"); }

  /// Those who were outvoted and are not among these, most often first.
  std::vector<std::uint32_t> others(const std::vector<std::uint32_t>& suspects) const {
    std::vector<std::uint32_t> found;
    for (std::uint32_t worker = 0; worker < outvoted_.size(); ++worker) {
      if (outvoted_[worker] > 0 && !std::ranges::binary_search(suspects, worker))
        found.push_back(worker);
    }
    std::ranges::stable_sort(found, std::greater<>(),
                             [this](std::uint32_t worker) { return outvoted_[worker]; });
    return found;
  }

  /// "outvoted in 30 of 30 steps, bad-chunk 3 times"
  std::string reasons(std::uint32_t worker) const {
    std::vector<std::string> found = own_doing(ledger_, worker);
    if (outvoted_[worker] > 0)
      found.insert(found.begin(),
                   lists_ == 1
                       ? fmt::format("outvoted in {} of {}", outvoted_[worker], of_steps())
                       : fmt::format("outvoted {} in {}", times(outvoted_[worker]), of_steps()));
    return fmt::format("{}", fmt::join(found, ", "));
  }
  bool only_outvoted(std::uint32_t worker) const { return own_doing(ledger_, worker).empty(); }

 private:
  const Ledger& ledger_;
  const VerdictBasis& basis_;
  std::size_t lists_;
  std::uint64_t steps_;
  std::vector<std::uint64_t> outvoted_;
};

std::string accusation(const Counts& counts, const std::vector<std::uint32_t>& suspects) {
  const auto only_outvoted = [&](std::uint32_t worker) { return counts.only_outvoted(worker); };
  if (suspects.size() == 1 || !std::ranges::all_of(suspects, only_outvoted)) {
    std::vector<std::string> each;
    for (std::size_t i = 0; i < std::min(suspects.size(), kNamedWorkers); ++i)
      each.push_back(fmt::format("worker {}: {}", suspects[i] + 1, counts.reasons(suspects[i])));
    if (suspects.size() > kNamedWorkers)
      each.push_back(fmt::format("{} more", suspects.size() - kNamedWorkers));
    return fmt::format("suspect {}", fmt::join(each, "; "));
  }
  const auto of_worker = [&](std::uint32_t worker) { return counts.outvoted(worker); };
  const auto [least, most] = std::ranges::minmax_element(suspects, {}, of_worker);
  const std::uint64_t low = counts.outvoted(*least), high = counts.outvoted(*most);
  return fmt::format("suspect {}: outvoted in {}{} of {}{}", worker_names(suspects),
                     low == high ? "" : fmt::format("{} to ", low), high, counts.of_steps(),
                     low == high ? " each" : "");
}

/// That there is nobody whom chance does not explain.
std::string acquittal(const Counts& counts, const VerdictBasis& basis) {
  if (basis.seating.r == 1)
    return "nobody can be suspected: r = 1 gives each piece one worker, and no vote";
  const std::vector<std::uint32_t> others = counts.others({});
  if (others.empty()) {
    return fmt::format("nobody is suspect: no worker was outvoted in {}", counts.of_steps());
  }
  const std::string were = others.size() == 1 ? " was" : " were";
  const std::string who = fmt::format("{}{} outvoted, worker {} most often, in {} of {}",
                                      counted(others.size(), "worker"), were, others.front() + 1,
                                      counts.outvoted(others.front()), counts.of_steps());
  if (!basis.random_placement) {
    return fmt::format(
        "nobody can be singled out: {}, but under --placement fixed {} can own the same piece in "
        "every step",
        who, counted(basis.liars, "liar"));
  }
  return fmt::format("nobody is suspect: {}, no more than {} can bring about", who,
                     counted(basis.liars, "liar"));
}

/// That whatever number of liars contradicts itself.
std::string contradiction(const Counts& counts, std::size_t suspects) {
  const std::vector<std::uint32_t> others = counts.others({});
  std::vector<std::string> each;
  for (std::size_t i = 0; i < std::min(others.size(), kShownWorkers); ++i)
    each.push_back(fmt::format("{} ({})", others[i] + 1, counts.outvoted(others[i])));
  return fmt::format(
      "{} workers are outvoted more often than a minority of liars explains, so honest machines "
      "differ or most workers lie: of {}, workers {}{}",
      suspects, counts.of_steps(), fmt::join(each, ", "),
      others.size() > kShownWorkers ? fmt::format(" and {} more", others.size() - kShownWorkers)
                                    : "");
}

}  // namespace

double honest_outvoted_share(const VerdictBasis& basis) {
  const std::size_t others = basis.seating.workers - 1, q = std::min(basis.liars, others);
  const std::size_t seats = basis.seating.seats(), slices = basis.seating.slices;
  const std::size_t size = seats / slices, larger = seats % slices;
  if (!basis.random_placement) return q > size / 2 ? 1 : 0;
  double share = 0;
  for (const auto& [members, groups] :
       {std::pair{size, slices - larger}, std::pair{size + 1, larger}}) {
    const double weight = static_cast<double>(members * groups) / static_cast<double>(seats);
    if (groups > 0) share += weight * share_of_draws(others, q, members - 1, members / 2 + 1);
  }
  return share;
}

double binomial_tail(std::uint64_t trials, std::uint64_t hits, double share) {
  if (hits == 0) return 1;
  if (hits > trials || share <= 0) return 0;
  const auto n = static_cast<double>(trials);
  if (share >= 1 || static_cast<double>(hits) <= n * share) return 1;  // not small, whatever it is
  double term = std::exp(log_choose(trials, hits) + static_cast<double>(hits) * std::log(share) +
                         static_cast<double>(trials - hits) * std::log1p(-share));
  double sum = term;
  for (std::uint64_t i = hits; i < trials && term > 0;
       ++i) {  // ever smaller: hits are above the mean
    term *= static_cast<double>(trials - i) / static_cast<double>(i + 1) * share / (1 - share);
    if (term < sum * 1e-12) break;
    sum += term;
  }
  return std::min(sum, 1.0);
}

Verdict judge_workers(const Ledger& ledger, const VerdictBasis& basis) {
  const Counts counts(ledger, basis);
  const std::size_t most = std::max(basis.liars, (basis.seating.workers - 1) / 2);
  Verdict verdict;
  const std::size_t stride = 1 + (most - basis.liars) / kMostTried;
  for (verdict.liars = basis.liars; verdict.liars <= most; verdict.liars += stride) {
    verdict.suspects = counts.suspects(verdict.liars);
    if (verdict.suspects.size() <= verdict.liars) break;
  }
  if (verdict.liars > most) {
    return {{}, basis.liars, contradiction(counts, verdict.suspects.size())};
  }
  VerdictBasis explained = basis;
  explained.liars = verdict.liars;
  const std::string more = verdict.liars > basis.liars
                               ? fmt::format("; that takes {}, and this run was built for {}",
                                             counted(verdict.liars, "liar"), basis.liars)
                               : "";
  if (verdict.suspects.empty()) {
    verdict.line = acquittal(counts, explained) + more;
    return verdict;
  }
  verdict.line = accusation(counts, verdict.suspects) + "; nobody else";
  const std::vector<std::uint32_t> others = counts.others(verdict.suspects);
  if (!others.empty()) {
    verdict.line +=
        fmt::format(" ({} at most {}, as honest workers are where liars own their piece)",
                    others.size() == 1 ? "1 other was outvoted"
                                       : fmt::format("{} others were outvoted", others.size()),
                    times(counts.outvoted(others.front())));
  }
  verdict.line += more;
  return verdict;
}

std::string rejections_line(const Rejections& rejections, std::string_view rule) {
  const std::vector<std::uint64_t>&used = rejections.used, &rejected = rejections.rejected;
  const auto sum = [](const std::vector<std::uint64_t>& counts) {
    return static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  };
  if (sum(rejected) == 0) return {};
  const double share = sum(rejected) / sum(used);
  const double limit = kSignificance / static_cast<double>(used.size());
  std::vector<std::string> each;
  std::size_t found = 0;
  std::optional<std::uint32_t> most;  // of the others
  for (std::uint32_t worker = 0; worker < used.size(); ++worker) {
    if (binomial_tail(used[worker], rejected[worker], share) > limit) {
      if (!most || rejected[worker] > rejected[*most]) most = worker;
    } else if (++found <= kNamedWorkers) {
      each.push_back(
          fmt::format("worker {} ({} of {})", worker + 1, rejected[worker], used[worker]));
    }
  }
  if (found > kNamedWorkers) each.push_back(fmt::format("{} more", found - kNamedWorkers));
  const std::string others =
      most ? fmt::format("most often worker {}, {} of {}", *most + 1, rejected[*most], used[*most])
           : "";
  if (found == 0) {
    return fmt::format("{} rejected nobody's answers more often than by chance: {}", rule, others);
  }
  return fmt::format("{} rejected more often than by chance, which proves nothing: {}{}", rule,
                     fmt::join(each, ", "), most ? "; of the others " + others : "");
}

std::string changing_liars_line(const Ledger& ledger, const VerdictBasis& basis) {
  const Counts counts(ledger, basis);
  return fmt::format(
      "nobody is singled out: other workers are made to lie in each step (--fail-schedule); {} "
      "answers were outvoted in {}",
      counts.all_outvoted(), counts.of_steps());
}

}  // namespace detox
