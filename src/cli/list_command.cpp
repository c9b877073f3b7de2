// `detoxml list`: every rule, attack, network, data set and codec, from the registries.
#include <fmt/format.h>

#include "base/dataset.hpp"
#include "base/learner.hpp"
#include "cli/command.hpp"
#include "detox/aggregator.hpp"
#include "stages/attack/attack.hpp"
#include "stages/compress/codec.hpp"

namespace detox {
namespace {

void print_line(std::string_view name, std::string_view what, std::string_view source) {
  fmt::print("  {:<18} {:<78} {}\n", name, what, source);
}

/// What c, --adversarial, is to the attack.
std::string about_c(const AttackInfo& attack) {
  if (!attack.parameter) return "";
  return fmt::format("; c: {}, {}", attack.parameter->meaning, attack.parameter->standard);
}

int list_everything() {
  fmt::print("Rules (--mode, --inner-mode; n rows, f of them corrupt)\n");
  for (const RuleInfo& rule : rules()) {
    const std::string subsets =
        rule.tries_subsets ? fmt::format(", C(n, f) <= {:.0f}", kMostSubsets) : "";
    print_line(rule.name, fmt::format("needs {}{}", rule.requirement, subsets), rule.paper);
  }
  print_line("./my_rule.so", "a rule of yours, compiled by yourself", "docs/library.md");
  fmt::print("\nPre-aggregation (--pre; steps before the rule)\n");
  for (const PreInfo& step : pre_aggregators()) {
    const std::string parameter =
        step.parameter.empty() ? "" : fmt::format(":{}={}", step.parameter, step.standard);
    print_line(fmt::format("{}{}", step.name, parameter),
               fmt::format("{}; needs {}", step.summary, step.requirement), step.paper);
  }
  fmt::print(
      "\nAttacks (--err-mode; c is --adversarial; alie is --lis-simulation simulate, too)\n");
  for (const AttackInfo& attack : attacks())
    print_line(attack.name, fmt::format("{}{}", attack.summary, about_c(attack)), attack.paper);
  fmt::print("\nNetworks (--network)\n");
  for (const NetworkInfo& network : networks())
    print_line(network.name, network.summary, network.paper);
  fmt::print("\nData sets (--dataset)\n");
  for (const DatasetInfo& dataset : datasets())
    print_line(dataset.name, dataset.summary, dataset.source);
  fmt::print("\nCodecs (how a gradient travels)\n");
  for (const CodecInfo& codec : codecs()) print_line(codec.name, codec.summary, codec.paper);
  return 0;
}

}  // namespace

Command list_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("list", "every rule, attack, network, data set and codec");
  return {app, [] { return list_everything(); }};
}

}  // namespace detox
