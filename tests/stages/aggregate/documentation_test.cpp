// docs/rules.md is about all the rules.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "detox/aggregator.hpp"

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

}  // namespace
}  // namespace detox
