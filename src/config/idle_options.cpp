#include "config/idle_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "config/options.hpp"
#include "config/own_attack.hpp"
#include "config/rule_file.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

using Idles = std::vector<IdleOptions>;
using Names = std::vector<std::string_view>;

/// One line for options that follow each other and are idle because of the same.
void add_idle(std::string because, std::string_view option, Idles& idles) {
  if (idles.empty() || idles.back().because != because)
    idles.push_back({true, std::move(because), {}});
  idles.back().options.push_back(option);
}

std::string rules_that_read(std::string_view option) {
  return rules_with(
      [option](const RuleInfo& rule) { return reads_option(rule, option, Semantics::kPaper); },
      " or ");
}

void add_idle_rule_options(const RunConfig& config, Idles& idles) {
  const RuleInfo &outer = rule_of(*config.mode), &inner = rule_of(config.inner_mode);
  const Semantics semantics = config.rule.semantics;
  const auto is_read = [&](std::string_view option, Semantics in) {
    return reads_option(outer, option, in) || reads_option(inner, option, in);
  };
  for (const RuleOption& option : rule_options()) {
    const std::string readers = rules_that_read(option.name);
    if (readers.empty() || is_read(option.name, semantics)) continue;
    const bool is_read_in_paper = is_read(option.name, Semantics::kPaper);
    add_idle(is_read_in_paper ? fmt::format("--semantics {} has its own", word_of(semantics))
                              : fmt::format("no rule is {}", readers),
             option.name, idles);
  }
  if (!differs_from_paper(outer, semantics) && !differs_from_paper(inner, semantics))
    add_idle("no rule has another definition there", "semantics", idles);
}

Names attacks_that_read(std::string_view option) {
  Names names;
  for (const AttackInfo& attack : attacks()) {
    if (reads_option(attack, option)) names.push_back(attack.name);
  }
  return names;
}

/// Options of which some attack and no other part of a run makes something.
Names options_of_attacks() {
  Names names;
  for (const Option& option : train_options()) {
    if (!attacks_that_read(option.name).empty()) names.push_back(option.name);
  }
  return names;
}

void add_idle_attack_options(const RunConfig& config, const AttackInfo& attack, Idles& idles) {
  const Names own = options_of_attacks();
  if (config.worker_fail == 0) {
    Names all = {"err-mode", "adversarial", "lis-simulation"};
    all.insert(all.end(), own.begin(), own.end());
    all.insert(all.end(),
               {"attack-statistics", "fail-schedule", "lie-rate", "lie-when", "silent-rate"});
    idles.push_back({true, "--worker-fail is 0", std::move(all)});
    return;
  }
  const bool is_renamed = config.lis_simulation == LisSimulation::kSimulate;
  idles.push_back(
      {is_renamed, fmt::format("the attack is {}", attack.name), {"err-mode", "adversarial"}});
  for (const std::string_view option : own) {
    if (reads_option(attack, option)) continue;
    add_idle(fmt::format("the attack is not {}", fmt::join(attacks_that_read(option), " or ")),
             option, idles);
  }
  idles.push_back({!is_renamed && !attack.parameter,
                   fmt::format("--err-mode is {}", config.err_mode),
                   {"adversarial"}});
  idles.push_back({attack.make({})->is_honest(),
                   fmt::format("--err-mode is {}", attack.name),
                   {"lie-rate", "lie-when"}});
}

}  // namespace

std::vector<IdleOptions> idle_options(const RunConfig& c, const Plan& plan) {
  const std::string starters =
      rules_with([](const RuleInfo& rule) { return rule.takes_start; }, " or ");
  Idles idles;
  add_idle_rule_options(c, idles);
  idles.insert(
      idles.end(),
      {{!rule_of(*c.mode).takes_start, fmt::format("--mode is not {}", starters), {"clip-start"}},
       {c.weights == SliceWeights::kSamples && samples_per_step(c, plan) % plan.k == 0,
        "all slices have as many samples",
        {"weights", "weight-cap"}},
       {c.weights == SliceWeights::kOff, "--weights is off", {"weight-cap"}},
       {c.approach != Approach::kAudit, "--approach is not audit", {"audit-rate"}},
       {!plan.arbitrated, "there is no --arbiter", {"recheck", "evict-after", "heal", "readmit"}},
       {plan.r == 1, "r = 1 leaves nothing to vote on", {"vote"}},
       {plan.r == 1 && !plan.arbitrated && c.worker_fail > 0,
        "each slice has one copy",
        {"lie-when"}}});
  add_idle_attack_options(c, attack_named(plan.attack.attack), idles);
  idles.insert(idles.end(), {{c.global_batch > 0, "--global-batch takes its place", {"batch-size"}},
                             {c.pretrained.empty(), "without --pretrained", {"pretrained-head"}},
                             {c.lr_schedule != LrShape::kStep,
                              "--lr-schedule is not step",
                              {"lr-step-size", "lr-gamma"}}});
  return idles;
}

void tell_idle_options(const RunConfig& config, const std::vector<IdleOptions>& idles,
                       std::vector<std::string>& lines) {
  for (const IdleOptions& idle : idles) {
    std::string changed;
    for (const std::string_view name : idle.options) {
      const Option& option = find_option(name);
      const std::string text = option_text(option, config);
      if (text == option_text(option, RunConfig())) continue;
      changed += fmt::format("{}--{} {}", changed.empty() ? "" : ", ", name, text);
    }
    if (idle.are_idle && !changed.empty())
      lines.push_back(fmt::format("without effect: {} ({})", changed, idle.because));
  }
}

}  // namespace detox
