#include "config/notices.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/options.hpp"
#include "stages/aggregate/rule_option.hpp"
#include "stages/assign/placement.hpp"
#include "stages/attack/alie.hpp"

namespace detox {
namespace {

std::string counted(std::size_t number, std::string_view one) {
  return fmt::format("{} {}{}", number, one, number == 1 ? "" : "s");
}

/// "15 pieces x 3 workers", also where P is no multiple of r.
std::string pieces(const Plan& plan) {
  const std::size_t least = plan.workers / plan.k, most = (plan.workers + plan.k - 1) / plan.k;
  return fmt::format(
      "{} × {}{}{}", counted(plan.k, "piece"), counted(least, "worker"),
      most > least ? fmt::format(" or {}", most) : "",
      plan.num_aggregate < plan.k ? fmt::format(", the first {} taken", plan.num_aggregate) : "");
}

/// Which rule meets corrupt pieces, over what, and how many it bears.
std::string defending_rule(const RunConfig& config, const Plan& plan,
                           const Hierarchy::Defender& defender) {
  const bool is_inner = plan.b > 0 && find_rule(config.inner_mode).name != "normal";
  const std::string pre = config.pre == "none" ? "" : config.pre + " and ";
  const std::string outer = fmt::format("{}{}", pre, find_rule(*config.mode).name);
  const bool is_mean = defender.rule.name == "normal";
  std::string text = is_inner ? fmt::format("{} in buckets of at least {}", defender.rule.name,
                                            counted(defender.rows, "piece"))
                              : fmt::format("{} over {}", outer,
                                            plan.b > 0 ? counted(plan.b, "bucket")
                                                       : counted(plan.num_aggregate, "piece"));
  if (defender.f > 0)
    text += is_mean ? ", a mean, bears none" : fmt::format(" bears {}", defender.f);
  return text +
         (is_inner ? fmt::format(", then {} over {}", outer, counted(plan.b, "bucket")) : "");
}

std::string defence(const RunConfig& config, const Plan& plan) {
  const Hierarchy::Defender defender = Hierarchy(plan.hierarchy).defender(plan.num_aggregate);
  const bool survives = defender.f == 0 || defender.rule.name != "normal";
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

/// z for one corrupt row and for the most that leave an honest one.
std::string alie_notice(std::size_t n, std::size_t most) {
  const std::size_t worst = std::min(most, n - 1), first = std::min<std::size_t>(1, worst);
  const double of_one = alie_auto_z(n, first), of_most = alie_auto_z(n, worst);
  std::string values = fmt::format("{:.4f} with {}", of_one, first);
  if (worst > first) values += fmt::format(" and {:.4f} with {}", of_most, worst);
  const bool is_weak = std::min(of_one, of_most) <= 0;
  return fmt::format("{}--alie-z auto is {} of n={} rows corrupt{}", is_weak ? "warning: " : "",
                     values, n,
                     is_weak ? "; at 0 or below it affords nothing beyond the mean" : "");
}

void add_alie(const Plan& plan, std::vector<std::string>& lines) {
  const std::size_t n = plan.rows;
  const std::size_t most =
      std::min(plan.k, effective_corruption(plan.attack.byzantine, plan.r));  // slices
  if (n > 1 || most == 0) lines.push_back(alie_notice(n, most));
  if (most >= n) {
    lines.push_back(
        fmt::format("warning: where the attackers own all of n={} rows, no honest row is left to "
                    "hide among and --alie-z auto is 0",
                    n));
  }
}

/// What attackers who come late or never cost in time.
void add_deadlines(const RunConfig& config, const Plan& plan, std::vector<std::string>& lines) {
  const double delay_s = find_attack(plan.attack.attack).make(plan.attack.options)->delay_s();
  if (plan.attack.byzantine == 0 || delay_s < config.step_timeout) return;
  lines.push_back(
      fmt::format("--err-mode {}: under MPI the server waits for them until its deadline, {} s "
                  "(--step-timeout) "
                  "or 10 median steps, in the first step {} s (--start-timeout)",
                  plan.attack.attack, config.step_timeout,
                  std::max(config.step_timeout, config.start_timeout)));
}

/// Options that nothing reads as the others are. Only those that differ from their defaults are
/// worth a line: a file that a run has written holds all of them.
struct Idle {
  bool is_idle;
  std::string because;
  std::vector<std::string_view> options;
};

std::vector<Idle> idle_options(const RunConfig& c, const Plan& plan) {
  const auto runs = [&](std::string_view rule) { return *c.mode == rule || c.inner_mode == rule; };
  const auto differs = [&](std::string_view rule) {
    return differs_from_paper(rule, parse_semantics(c.semantics));
  };
  const bool attacks = c.worker_fail > 0, is_alie = c.lis_simulation == "simulate";
  return {
      {!runs("multi-krum"), "no rule is multi-krum", {"krum-select"}},
      {!runs("bulyan"), "no rule is bulyan", {"bulyan-variant"}},
      {!runs("geometric-median"), "no rule is geometric-median", {"tolerance"}},
      {runs("geometric-median") && c.semantics != "paper",
       fmt::format("--semantics {} has its own", c.semantics),
       {"tolerance"}},
      {!differs(*c.mode) && !differs(c.inner_mode),
       "no rule has another definition there",
       {"semantics"}},
      {!runs("monna"), "no rule is monna", {"reference-row"}},
      {!runs("centered-clipping"), "no rule is centered-clipping", {"clip-radius", "clip-rounds"}},
      {*c.mode != "centered-clipping", "--mode is not centered-clipping", {"clip-start"}},
      {c.weights == "samples" && samples_per_step(c, plan) % plan.k == 0,
       "all slices have as many samples",
       {"weights", "weight-cap"}},
      {c.weights == "off", "--weights is off", {"weight-cap"}},
      {plan.r == 1, "r = 1 leaves nothing to vote on", {"vote"}},
      {!attacks,
       "--worker-fail is 0",
       {"err-mode", "adversarial", "lis-simulation", "alie-z", "alie-sign", "alie-ddof",
        "attack-statistics", "fail-schedule"}},
      {attacks && is_alie, "the attack is alie", {"err-mode", "adversarial"}},
      {attacks && !is_alie, "the attack is not alie", {"alie-z", "alie-sign", "alie-ddof"}},
      {attacks && !is_alie && !find_attack(c.err_mode).standard,
       fmt::format("--err-mode is {}", c.err_mode),
       {"adversarial"}},
      {c.global_batch > 0, "--global-batch takes its place", {"batch-size"}},
      {c.pretrained.empty(), "without --pretrained", {"pretrained-head"}},
      {c.lr_schedule != "step", "--lr-schedule is not step", {"lr-step-size", "lr-gamma"}},
  };
}

void add_idle_options(const RunConfig& config, const std::vector<Idle>& idles,
                      std::vector<std::string>& lines) {
  for (const Idle& idle : idles) {
    std::string changed;
    for (const std::string_view name : idle.options) {
      const Option& option = find_option(name);
      const std::string text = option_text(option, config);
      if (text == option_text(option, RunConfig())) continue;
      changed += fmt::format("{}--{} {}", changed.empty() ? "" : ", ", name, text);
    }
    if (idle.is_idle && !changed.empty())
      lines.push_back(fmt::format("without effect: {} ({})", changed, idle.because));
  }
}

}  // namespace

std::vector<std::string> notices(const RunConfig& config, const Plan& plan) {
  std::vector<std::string> lines = {defence(config, plan)};
  lines.insert(lines.end(), config.remarks.begin(), config.remarks.end());
  if (plan.f_eff > 0 && find_rule(*config.mode).name == "normal" &&
      (plan.b == 0 || find_rule(config.inner_mode).name == "normal")) {
    lines.push_back(fmt::format(
        "warning: the mean defends against no corrupt slice, and {} attackers can own {} of {}",
        plan.q, plan.f_eff, plan.k));
  }
  const std::size_t outer_f = Hierarchy(plan.hierarchy).outer_f(plan.b > 0 ? plan.b : plan.k);
  if (outer_f == 0 && config.pre.find("nnm") != std::string::npos) {
    lines.push_back(
        "warning: --pre nnm makes every row the mean of all where the rule behind it has f=0");
  }
  if (plan.attack.byzantine > plan.q) {
    lines.push_back(
        fmt::format("warning: {} Byzantine workers are simulated, the defence is built for q={}",
                    plan.attack.byzantine, plan.q));
  }
  if (plan.attack.attack == "alie" && !config.alie_z && plan.attack.byzantine > 0)
    add_alie(plan, lines);
  add_deadlines(config, plan, lines);
  add_idle_options(config, idle_options(config, plan), lines);
  return lines;
}

std::vector<std::string> run_notices(const RunConfig& config, bool over_mpi, bool has_statistics) {
  const bool attacks = config.worker_fail > 0;
  const std::vector<Idle> idles = {
      {!over_mpi, "in one process nothing is sent", {"vote", "compress-grad", "comm-type"}},
      {over_mpi, "over MPI every replica computes", {"compute-every-replica"}},
      {attacks && !has_statistics, "the network has no batch norm", {"attack-statistics"}}};
  std::vector<std::string> lines;
  add_idle_options(config, idles, lines);
  return lines;
}

}  // namespace detox
