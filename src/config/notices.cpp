#include "config/notices.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/counted.hpp"
#include "config/idle_options.hpp"
#include "config/own_attack.hpp"
#include "config/rule_file.hpp"
#include "stages/assign/placement.hpp"

namespace detox {
namespace {

/// "40 pieces x 1 worker, 4 of them by a second one too, the server decides".
std::string dealt_pieces(const ArbiterPlan& arbitrated) {
  const Dealing& dealing = arbitrated.dealing;
  const bool can_compare = dealing.workers > dealing.copies;
  const double mean = can_compare ? dealing.audit_rate * static_cast<double>(dealing.slices) : 0;
  return fmt::format(
      "{} × {}{}{}, {} where answers differ", counted(dealing.slices, "piece"),
      counted(dealing.copies, "worker"),
      mean > 0 ? fmt::format(", {:.3g} of them by one more", mean) : "",
      dealing.orders_each() > 1 ? fmt::format(", up to {} a worker", dealing.orders_each()) : "",
      arbitrated.by_server ? "the server decides"
                           : fmt::format("q + 1 = {} equal ones decide", dealing.q + 1));
}

/// "15 pieces x 3 workers", also where P is no multiple of r.
std::string pieces(const Plan& plan) {
  if (plan.arbitrated) return dealt_pieces(*plan.arbitrated);
  const Seating seating = plan.seating();
  const std::size_t least = seating.seats() / plan.k;
  const std::size_t most = (seating.seats() + plan.k - 1) / plan.k;
  const std::string larger = most > least ? fmt::format(" or {}", most) : "";
  const std::string first = least / 2 == most / 2
                                ? std::to_string(least / 2 + 1)
                                : fmt::format("{} or {}", least / 2 + 1, most / 2 + 1);
  return fmt::format(
      "{} × {}{}{}{}{}", counted(plan.k, "piece"), counted(least, "worker"), larger,
      plan.is_lazy ? fmt::format(", {} asked first", first) : "",
      seating.overlaps() ? fmt::format(", each worker in up to {}", seating.lists()) : "",
      plan.num_aggregate < plan.k ? fmt::format(", the first {} taken", plan.num_aggregate) : "");
}

/// Which rule meets corrupt pieces, over what, and how many it bears.
std::string defending_rule(const RunConfig& config, const Plan& plan,
                           const Hierarchy::Defender& defender) {
  const bool is_inner = plan.b > 0 && !rule_of(config.inner_mode).is_mean;
  const std::vector<PreStep>& steps = plan.hierarchy.rule.pre;
  const std::string pre = steps.empty() ? "" : to_text(steps) + " and ";
  const std::string outer = fmt::format("{}{}", pre, rule_of(*config.mode).name);
  std::string text = is_inner ? fmt::format("{} in buckets of at least {}", defender.rule.name,
                                            counted(defender.rows, "piece"))
                              : fmt::format("{} over {}", outer,
                                            plan.b > 0 ? counted(plan.b, "bucket")
                                                       : counted(plan.num_aggregate, "piece"));
  if (defender.f > 0)
    text += defender.rule.is_mean ? ", a mean, bears none" : fmt::format(" bears {}", defender.f);
  return text +
         (is_inner ? fmt::format(", then {} over {}", outer, counted(plan.b, "bucket")) : "");
}

std::string defence(const RunConfig& config, const Plan& plan) {
  const Hierarchy::Defender defender = Hierarchy(plan.hierarchy).defender(plan.num_aggregate);
  const bool survives = defender.f == 0 || !defender.rule.is_mean;
  const std::string corrupt =
      plan.f_eff == 0 ? "no piece can be corrupted"
                      : fmt::format("at most {} can be corrupted", counted(plan.f_eff, "piece"));
  return fmt::format("{} {} among {}: {}, {}, {} (q={} r={} k={} f={} n={})",
                     plan.q == 0 ? "is built for"
                     : survives  ? "survives any"
                                 : "does not survive",
                     plan.q == 0 ? "no liar" : counted(plan.q, "liar"),
                     counted(plan.workers, "worker"), pieces(plan), corrupt,
                     defending_rule(config, plan, defender), plan.q, plan.r, plan.k, defender.f,
                     defender.rows);
}

/// What the attack has to say of the most slices that its attackers can own.
void add_attack(const RunConfig& config, const Plan& plan, std::vector<std::string>& lines) {
  const AttackInfo& info = attack_named(plan.attack.attack);
  if (plan.attack.byzantine == 0) return;
  const bool is_auto = config.fail_schedule == FailSchedule::kAuto && !plan.arbitrated;
  if (info.stays && (is_auto || config.fail_schedule == FailSchedule::kPerStep)) {
    lines.push_back(
        fmt::format("--err-mode {}: broken machines stay broken: the same ones fail in every step, "
                    "as under --fail-schedule fixed",
                    info.name));
  }
  if (info.notices == nullptr) return;
  const std::size_t most =
      std::min(plan.k, effective_corruption(plan.attack.byzantine, plan.r, plan.seating().lists()));
  for (std::string& line : info.notices(plan.attack.options, plan.rows, most))
    lines.push_back(std::move(line));
}

/// What attackers who come late or never cost in time.
void add_deadlines(const RunConfig& config, const Plan& plan, std::vector<std::string>& lines) {
  const double delay_s = attack_named(plan.attack.attack).make(plan.attack.options)->delay_s();
  const bool is_late = delay_s >= config.step_timeout;
  if (plan.attack.byzantine == 0 || (!is_late && config.silent_rate == 0)) return;
  lines.push_back(
      fmt::format("{}: under MPI the server waits for them until its deadline, {} s "
                  "(--step-timeout) "
                  "or 10 median steps, in the first step {} s (--start-timeout)",
                  is_late ? fmt::format("--err-mode {}", plan.attack.attack) : "--silent-rate",
                  config.step_timeout, std::max(config.step_timeout, config.start_timeout)));
}

}  // namespace

std::vector<std::string> notices(const RunConfig& config, const Plan& plan) {
  std::vector<std::string> lines = {defence(config, plan)};
  lines.insert(lines.end(), config.remarks.begin(), config.remarks.end());
  if (plan.f_eff > 0 && rule_of(*config.mode).is_mean &&
      (plan.b == 0 || rule_of(config.inner_mode).is_mean)) {
    lines.push_back(
        fmt::format("warning: the mean defends against no corrupt slice, and {} can own {} of {}",
                    counted(plan.q, "attacker"), plan.f_eff, plan.k));
  }
  const std::size_t outer_f = Hierarchy(plan.hierarchy).outer_f(plan.b > 0 ? plan.b : plan.k);
  for (const PreStep& step : plan.hierarchy.rule.pre) {
    if (outer_f > 0 || !step.info->evens_out_at_f0) continue;
    lines.push_back(
        fmt::format("warning: --pre {} makes every row the mean of all where the rule behind it "
                    "has f=0",
                    step.info->name));
  }
  if (plan.attack.byzantine > plan.q) {
    lines.push_back(
        fmt::format("warning: {} Byzantine workers are simulated, the defence is built for q={}",
                    plan.attack.byzantine, plan.q));
  }
  if (plan.arbitrated && config.placement_key.empty()) {
    lines.push_back(
        "who is compared with whom is drawn from --seed here: whoever knows it, as all workers do, "
        "lies where it is safe; --placement-key keeps it from them");
  }
  if (plan.arbitrated && plan.arbitrated->evict_after == 0) {
    lines.push_back(config.evict_after == 0
                        ? "nobody is put out: --evict-after is never"
                        : "nobody is put out: other workers are made to lie in each step "
                          "(--fail-schedule)");
  }
  add_attack(config, plan, lines);
  add_deadlines(config, plan, lines);
  tell_idle_options(config, idle_options(config, plan), lines);
  return lines;
}

std::vector<std::string> run_notices(const RunConfig& config, const Plan& plan, bool over_mpi,
                                     bool has_statistics) {
  const bool attacks = config.worker_fail > 0;
  const bool may_be_late =
      attacks && attack_named(plan.attack.attack).make(plan.attack.options)->delay_s() > 0;
  const std::vector<IdleOptions> idles = {
      {!over_mpi, "in one process nothing is sent", {"vote", "compress-grad", "comm-type"}},
      {!over_mpi && !may_be_late, "in one process nobody is waited for", {"step-timeout"}},
      {!over_mpi, "in one process nobody is waited for", {"start-timeout"}},
      {over_mpi, "over MPI every replica computes", {"compute-every-replica"}},
      {attacks && !has_statistics, "the network has no batch norm", {"attack-statistics"}}};
  std::vector<std::string> lines;
  tell_idle_options(config, idles, lines);
  return lines;
}

}  // namespace detox
