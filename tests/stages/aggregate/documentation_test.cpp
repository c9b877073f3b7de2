// docs/rules.md is about all the rules.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "detox/aggregator.hpp"
#include "stages/aggregate/resilience_bounds.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

TEST(RulesDocument, HasALineForEveryRuleWithItsRequirement) {
  std::ifstream file(DETOX_SOURCE_DIR "/docs/rules.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const RuleInfo& rule : rules()) {
    std::string start = "| `";
    start.append(rule.name).append("`");
    const std::size_t at = text.find(start);
    ASSERT_NE(at, std::string::npos) << rule.name;
    std::string line = text.substr(at, text.find('\n', at) - at);
    std::string requirement(rule.requirement);
    requirement.replace(requirement.find(">="), 2, "\u2265");
    EXPECT_NE(line.find(requirement), std::string::npos) << rule.name;
    EXPECT_NE(line.find(rule.alias), std::string::npos) << rule.name;
  }
}

TEST(RulesDocument, HasALineForEveryStepBeforeTheRule) {
  std::ifstream file(DETOX_SOURCE_DIR "/docs/rules.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const PreInfo& step : pre_aggregators()) {
    std::vector<PreStep> as_standard = {{&step, step.standard}};
    EXPECT_NE(text.find("| `" + to_text(as_standard) + "`"), std::string::npos) << step.name;
  }
}

TEST(RulesDocument, StatesTheBoundsThatAreTested) {
  std::ifstream file(DETOX_SOURCE_DIR "/docs/rules.md");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  text.erase(0, text.find("## How far f hostile rows can move the result"));
  text.erase(text.find("\n## ", 1));
  for (const test::Resilience& line : test::resilience_table()) {
    std::string start = fmt::format("\n| `{}` ", line.rule);
    start += line.form.empty() ? "|" : fmt::format("`{}` |", line.form);
    const std::size_t at = text.find(start);
    ASSERT_NE(at, std::string::npos) << start;
    const std::string row = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    const std::string end = fmt::format(
        " | {} | {}|", line.kappa != nullptr ? fmt::format("{:.2f}", line.kappa(15, 3)) : "none",
        line.reached > 0 ? fmt::format("{:.2f} ", line.reached) : "");
    EXPECT_TRUE(row.ends_with(end)) << row << " should end in " << end;
  }
  std::size_t rows = 0;
  for (std::size_t at = 0; (at = text.find("\n| `", at)) != std::string::npos; ++at) ++rows;
  EXPECT_EQ(rows, test::resilience_table().size());
}

/// The names of those that read the option, as the page has them.
std::string readers(const RuleOption& option) {
  if (option.name == "f" || option.name == "pre") return "all";
  if (option.name == "weight-cap") return weighted_rules();
  return rules_with([&](const RuleInfo& rule) {
    const bool differs = rule.differs_in_byzfl || rule.differs_in_byzpy;
    return option.name == "semantics" ? differs
                                      : reads_option(rule, option.name, Semantics::kPaper);
  });
}

TEST(RulesDocument, HasALineForEveryOptionOfRules) {
  std::ifstream file(DETOX_SOURCE_DIR "/docs/rules.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const RuleOption& option : rule_options()) {
    const std::string line =
        fmt::format("\n| `{}` | {} | {} | {} |\n", option.name, rule_option_values(option),
                    rule_option_text(option, {}), readers(option));
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST(RulesDocument, SaysWhatEachRuleNeedsInTheSemanticsOfOthers) {
  std::ifstream file(DETOX_SOURCE_DIR "/docs/rules.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const RuleInfo& rule : rules()) {
    const std::string_view byzfl = requirement_in(rule, Semantics::kByzfl).text;
    const std::string_view byzpy = requirement_in(rule, Semantics::kByzpy).text;
    const std::string line =
        fmt::format("\n| `{}` | {} | {} | {} |\n", rule.name, rule.requirement, byzfl, byzpy);
    const bool differs = byzfl != rule.requirement || byzpy != rule.requirement;
    EXPECT_EQ(text.find(line) != std::string::npos, differs) << line;
  }
}

TEST(ResilienceTable, HasALineForEveryRule) {
  for (const RuleInfo& rule : rules()) {
    EXPECT_TRUE(std::ranges::any_of(test::resilience_table(), [&](const test::Resilience& line) {
      return line.rule == rule.name;
    })) << rule.name;
  }
}

}  // namespace
}  // namespace detox
