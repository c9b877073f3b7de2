#include "config/notices.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "stages/assign/placement.hpp"
#include "stages/attack/alie.hpp"

namespace detox {
namespace {

std::string defence(const RunConfig& config, const Plan& plan) {
  const Hierarchy::Defender defender = Hierarchy(plan.hierarchy).defender(plan.k);
  const std::string_view outer = find_rule(*config.mode).name;
  const std::string start =
      fmt::format("defends against q={} of P={} workers: r={}, k={} slices, f_eff={}, {}n={} rows",
                  plan.q, plan.workers, plan.r, plan.k, plan.f_eff,
                  plan.b > 0 ? fmt::format("b={} buckets, ", plan.b) : "", defender.rows);
  if (plan.b > 0 && find_rule(config.inner_mode).name != "normal") {
    return fmt::format("{} in the smallest for {} with f={} ({}), then {} over the buckets", start,
                       defender.rule.name, defender.f, defender.rule.requirement, outer);
  }
  return fmt::format("{} for {} ({})", start, defender.rule.name, defender.rule.requirement);
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

}  // namespace

std::vector<std::string> notices(const RunConfig& config, const Plan& plan) {
  std::vector<std::string> lines = {defence(config, plan)};
  if (plan.f_eff > 0 && find_rule(*config.mode).name == "normal" &&
      (plan.b == 0 || find_rule(config.inner_mode).name == "normal")) {
    lines.push_back(fmt::format(
        "warning: the mean defends against no corrupt slice, and {} attackers can own {} of {}",
        plan.q, plan.f_eff, plan.k));
  }
  if (plan.attack.byzantine > plan.q) {
    lines.push_back(
        fmt::format("warning: {} Byzantine workers are simulated, the defence is built for q={}",
                    plan.attack.byzantine, plan.q));
  }
  if (plan.attack.attack == "alie" && !config.alie_z && plan.attack.byzantine > 0)
    add_alie(plan, lines);
  return lines;
}

}  // namespace detox
