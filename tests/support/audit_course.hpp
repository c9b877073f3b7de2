// Runs without vectors: real deals, ballots and evictions, in which fixed liars lie as they are
// told; and what docs/defence.md says they come to.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <vector>

#include "config/defence_plan.hpp"
#include "round/ballot.hpp"
#include "round/evictions.hpp"

namespace detox {

struct AuditScene {
  std::size_t workers = 45, q = 5;
  double audit_rate = 0.1;  ///< p
  double lie_rate = 1;
  bool is_safe = false;  ///< they lie only where both copies are theirs
  double recheck = 0;
  std::uint64_t steps = 250;

  DefencePlan plan() const {
    DefencePlan plan;
    plan.workers = workers;
    plan.q = q;
    plan.r = audit_rate < 1 ? 1 : 2;
    const double share = static_cast<double>(plan.r) + (audit_rate < 1 ? audit_rate : 0);
    plan.k = static_cast<std::size_t>(std::floor(static_cast<double>(workers) / share));
    plan.arbitrated.emplace();
    plan.arbitrated->dealing = {.workers = workers,
                                .slices = plan.k,
                                .copies = plan.r,
                                .audit_rate = audit_rate < 1 ? audit_rate : 0,
                                .q = q};
    plan.arbitrated->by_server = true;
    plan.arbitrated->recheck = recheck;
    plan.arbitrated->evict_after = 1;
    return plan;
  }
};

/// What a run, or the mean of many, comes to.
struct AuditCourse {
  double corrupt = 0;    ///< slices that were used with a lie
  double computed = 0;   ///< a slice that was used
  double last_step = 0;  ///< of the last conviction; only where `are_out`
  double are_out = 0;    ///< all liars were convicted: 0 or 1
  double wrongly = 0;    ///< honest workers that were convicted
};

/// One run. The liars are workers 0 to q - 1; placement is drawn, so that it does not matter.
inline AuditCourse run_audit_course(const AuditScene& scene, std::uint64_t seed) {
  static constexpr std::string_view kTruth = "true", kLie = "lie!";
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  const DefencePlan plan = scene.plan();
  const Key key = key_from_seed(seed);
  Evictions evictions({.workers = scene.workers, .after = 1, .most = scene.q});
  RecentSteps recent;
  AuditCourse course;
  double used = 0;
  for (std::uint64_t step = 1; step <= scene.steps; ++step) {
    std::vector<bool> away(scene.workers);
    for (std::uint32_t worker = 0; worker < scene.workers; ++worker)
      away[worker] = evictions.is_out(worker);
    const Assignment assignment = plan.deal(key, step, away, evictions.out());
    const Arbitration arbitration{.by_server = true,
                                  .truth = scene.q + 1,
                                  .dealing = plan.arbitrated->dealing,
                                  .liars = scene.q - evictions.out(),
                                  .rechecked = plan.rechecked(key, step)};
    RandomStream lies(derive_key(key, "lies", {step}));
    std::vector<bool> is_lie(plan.k);
    for (std::size_t slice = 0; slice < plan.k; ++slice) {
      const auto& workers = assignment.workers_of_slice[slice];
      const bool is_theirs =
          workers.size() > 1 && std::ranges::all_of(workers, [&](auto w) { return w < scene.q; });
      const double draw = lies.uniform();
      is_lie[slice] = draw < scene.lie_rate && (!scene.is_safe || is_theirs);
    }
    Ballot ballot({.round = step,
                   .assignment = assignment,
                   .absent = away,
                   .answer_bytes = kTruth.size(),
                   .enough = plan.k,
                   .recent = recent,
                   .arbitration = &arbitration});
    for (auto orders = ballot.take_orders(); !orders.empty(); orders = ballot.take_orders()) {
      for (const auto& [worker, slice] : orders) {
        const bool may_lie = worker < scene.q && is_lie[slice];
        const bool lie = may_lie && (!scene.is_safe || assignment.is_assigned(worker, slice));
        ballot.count({step, worker, slice, bytes(lie ? kLie : kTruth)});
        course.computed += 1;
      }
    }
    ballot.close(true);
    for (const std::uint32_t slice : ballot.used()) {
      used += 1;
      course.corrupt += std::ranges::equal(ballot.answer(slice), bytes(kTruth)) ? 0 : 1;
    }
    std::vector<std::uint32_t> convicted;
    for (const LedgerEntry& entry : ballot.ledger()) {
      if (entry.kind != Suspicion::kConvicted) continue;
      course.wrongly += entry.worker < scene.q ? 0 : 1;
      if (std::ranges::find(convicted, entry.worker) == convicted.end())
        convicted.push_back(entry.worker);
    }
    if (!evictions.book(step, convicted).empty()) course.last_step = static_cast<double>(step);
  }
  course.computed /= used;
  course.are_out = evictions.out() == scene.q ? 1 : 0;
  return course;
}

/// The mean of many runs, and the standard error of each mean.
struct AuditCourses {
  AuditCourse mean, error;
  std::size_t runs = 0;
};

inline AuditCourses run_audit_courses(const AuditScene& scene, std::size_t runs,
                                      std::uint64_t seed) {
  static constexpr std::array kFields = {&AuditCourse::corrupt, &AuditCourse::computed,
                                         &AuditCourse::last_step, &AuditCourse::are_out,
                                         &AuditCourse::wrongly};
  AuditCourse squares;
  AuditCourses courses;
  courses.runs = runs;
  const auto n = static_cast<double>(runs);
  for (std::size_t run = 0; run < runs; ++run) {
    const AuditCourse one = run_audit_course(scene, seed + run);
    for (const auto field : kFields) {
      courses.mean.*field += one.*field / n;
      squares.*field += one.*field * (one.*field) / n;
    }
  }
  for (const auto field : kFields) {
    const double variance = squares.*field - courses.mean.*field * (courses.mean.*field);
    courses.error.*field = std::sqrt(std::max(0.0, variance) / (n - 1));
  }
  return courses;
}

/// The recursion over the liars left, docs/defence.md: one step of k slices, a of which have a copy
/// more, is dealt to P - q + m workers, m of whom lie.
class AuditRecursion {
 public:
  explicit AuditRecursion(const AuditScene& scene) : scene_(scene), plan_(scene.plan()) {}

  AuditCourse expected() const {
    std::vector<double> in(scene_.q + 1);  // that so many liars are in
    in[scene_.q] = 1;
    AuditCourse course;
    double computed = 0, last = 0;
    for (std::uint64_t step = 1; step <= scene_.steps; ++step) {
      std::vector<double> next(in.size());
      for (std::size_t m = 0; m < in.size(); ++m) {
        if (in[m] == 0) continue;
        for (const auto& [share, audits] : audits_of_a_step()) {
          const Step one = step_of(m, audits);
          course.corrupt += in[m] * share * one.corrupt;
          computed += in[m] * share * one.computed;
          for (std::size_t gone = 0; gone <= m; ++gone)
            next[m - gone] += in[m] * share * one.convicted[gone];
        }
      }
      last += static_cast<double>(step) * (next[0] - in[0]);
      in = std::move(next);
    }
    course.computed = computed / static_cast<double>(scene_.steps * plan_.k);
    course.are_out = in[0];
    course.last_step = last;
    return course;
  }

 private:
  struct Step {
    double corrupt = 0, computed = 0;
    std::vector<double> convicted;  ///< the chance that so many are
  };

  static double choose(std::size_t n, std::size_t m) {
    if (m > n) return 0;
    return std::round(std::exp(std::lgamma(static_cast<double>(n) + 1) -
                               std::lgamma(static_cast<double>(m) + 1) -
                               std::lgamma(static_cast<double>(n - m) + 1)));
  }

  std::vector<std::pair<double, std::size_t>> audits_of_a_step() const {
    if (plan_.r == 2) return {{1.0, plan_.k}};
    const double mean = scene_.audit_rate * static_cast<double>(plan_.k);
    const double more = mean - std::floor(mean);
    const auto least = static_cast<std::size_t>(std::floor(mean));
    if (more == 0) return {{1.0, least}};
    return {{1 - more, least}, {more, least + 1}};
  }

  /// Of `there` workers m lie; `orders` are dealt evenly. h of the liars have one order more than
  /// the others at the least: a hypergeometric draw. What they hold is a random set of the orders.
  Step step_of(std::size_t m, std::size_t audits) const {
    const std::size_t there = scene_.workers - scene_.q + m, orders = plan_.k + audits;
    const std::size_t each = orders / there, more = orders % there;
    Step step;
    step.computed = static_cast<double>(orders);
    step.convicted.assign(m + 1, 0);
    for (std::size_t h = 0; h <= std::min(m, more); ++h) {
      if (m - h > there - more) continue;
      const double share = choose(more, h) * choose(there - more, m - h) / choose(there, m);
      add(share, m, each * m + h, audits, step);
    }
    return step;
  }

  /// They hold so many of the orders: x pairs with one of theirs, y with both, the rest single.
  void add(double share, std::size_t m, std::size_t held, std::size_t audits, Step& step) const {
    const std::size_t singles = plan_.k - audits, orders = plan_.k + audits;
    const double lie = scene_.lie_rate, recheck = scene_.recheck;
    for (std::size_t y = 0; 2 * y <= held && y <= audits; ++y) {
      for (std::size_t x = 0; x + 2 * y <= held && x + y <= audits; ++x) {
        const std::size_t z = held - x - 2 * y;
        const double ways = choose(audits, y) * choose(audits - y, x) * std::pow(2.0, x) *
                            choose(singles, z) / choose(orders, held);
        if (ways == 0) continue;
        const double here = share * ways;
        const double of_one = scene_.is_safe ? 0 : lie;
        step.corrupt +=
            here * (static_cast<double>(z) * of_one + static_cast<double>(y) * lie * (1 - recheck));
        // The server computes what differs and what it rechecks; where nobody has said what it
        // finds, q + 1 workers do as well.
        const double differ = static_cast<double>(x) * of_one;
        step.computed +=
            here * (differ + (static_cast<double>(audits) - differ) * recheck +
                    static_cast<double>(y) * lie * recheck * static_cast<double>(scene_.q + 1));
        for (std::size_t one = 0; one <= x; ++one) {
          for (std::size_t both = 0; both <= y; ++both) {
            const double chance = binomial(x, one, of_one) * binomial(y, both, lie * recheck);
            step.convicted[std::min(m, one + 2 * both)] += here * chance;
          }
        }
      }
    }
  }

  static double binomial(std::size_t n, std::size_t hits, double share) {
    return choose(n, hits) * std::pow(share, hits) * std::pow(1 - share, n - hits);
  }

  AuditScene scene_;
  DefencePlan plan_;
};

}  // namespace detox
