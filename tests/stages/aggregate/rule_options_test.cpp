// The table of rule options, and what the lines of rules say of them.
#include "stages/aggregate/rule_options.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "detox/errors.hpp"
#include "stages/aggregate/run_rule.hpp"

namespace detox {
namespace {

constexpr Semantics kAllSemantics[] = {Semantics::kPaper, Semantics::kByzfl, Semantics::kByzpy};

/// Values other than the standard one that leave the rules below what they need.
std::vector<std::string> other_values(const RuleOption& option) {
  std::vector<std::string> values;
  const std::string standard = rule_option_text(option, {});
  const auto add = [&](std::string value) {
    if (value != standard) values.push_back(std::move(value));
  };
  if (option.words != nullptr) {
    for (const std::string_view word : option.words()) add(std::string(word));
  } else if (option.range.whole) {
    for (const int number : {1, 2, 3}) add(std::to_string(number));
  } else {
    for (const char* number : {"0.001", "0.5", "0.9", "1", "3"}) {
      if (option.range.contains(std::stod(number))) add(number);
    }
  }
  return values;
}

bool has_effect(const RuleInfo& rule, const RuleOption& option, Semantics semantics) {
  const RuleOptions standard{.f = 2, .semantics = semantics};
  const auto values = other_values(option);
  // Rows far apart, in no order and beyond the standard radius, so that every option shows.
  auto sample = test::normal_sample<double>(15, 7, 3);
  for (std::size_t i = 0; i < sample.values.size(); ++i) {
    for (double& value : sample.values[i]) value *= 100 * static_cast<double>(1 + i * 5 % 7);
  }
  const auto before = test::run_rule(rule.name, standard, sample);
  return std::ranges::any_of(values, [&](const std::string& value) {
    RuleOptions changed = standard;
    set_rule_option(option, value, changed, option.name);
    return test::run_rule(rule.name, changed, sample) != before;
  });
}

TEST(RuleOptions, AreReadByTheRulesWhoseLinesNameThemAndByNoOthers) {
  // All rules read these, or what reads them is in other lines of theirs (takes_weights, differs).
  const std::set<std::string_view> of_all = {"f", "pre", "semantics", "weight-cap"};
  for (const RuleInfo& rule : rules()) {
    for (const RuleOption& option : rule_options()) {
      if (of_all.contains(option.name)) continue;
      for (const Semantics semantics : kAllSemantics) {
        EXPECT_EQ(has_effect(rule, option, semantics), reads_option(rule, option.name, semantics))
            << rule.name << ' ' << option.name << ' ' << word_of(semantics);
      }
    }
  }
}

TEST(RuleOptions, OfTheLinesOfRulesAreThere) {
  for (const RuleInfo& rule : rules()) {
    for (const auto& names : {rule.reads, rule.reads_as_paper}) {
      for (const std::string_view name : names) {
        if (name.empty()) continue;
        EXPECT_EQ(find_rule_option(name).name, name) << rule.name;
      }
    }
  }
}

TEST(RuleOptions, ComeBackFromTheirText) {
  for (const RuleOption& option : rule_options()) {
    std::vector<std::string> values = other_values(option);
    values.push_back(rule_option_text(option, {}));
    if (rule_option_form(option) == "STEPS")
      values = {"none", "nnm,bucketing:s=3", "clipping:c=0.1"};
    for (const std::string& value : values) {
      RuleOptions options;
      set_rule_option(option, value, options, option.name);
      EXPECT_EQ(rule_option_text(option, options), value) << option.name;
    }
  }
}

TEST(RuleOptions, HaveTheStandardOfTheirMembers) {
  for (const RuleOption& option : rule_options()) {
    RuleOptions options;
    set_rule_option(option, rule_option_text(option, {}), options, option.name);
    EXPECT_EQ(rule_option_text(option, options), rule_option_text(option, RuleOptions()));
    EXPECT_FALSE(rule_option_help(option).empty()) << option.name;
  }
}

std::string refusal_of(std::string_view name, std::string_view text) {
  try {
    RuleOptions options;
    set_rule_option(name, text, options);
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(RuleOptions, SayWhatWouldBeValid) {
  EXPECT_EQ(refusal_of("tolerance", "0"), "tolerance is '0'; valid: a number above 0 and below 1");
  EXPECT_EQ(refusal_of("tolerance", "nan"),
            "tolerance is 'nan'; valid: a number above 0 and below 1");
  EXPECT_EQ(refusal_of("clip-radius", "0"), "clip-radius is '0'; valid: a number above 0");
  EXPECT_EQ(refusal_of("clip-rounds", "0"),
            "clip-rounds is '0'; valid: a whole number from 1 to 1000 or auto");
  EXPECT_EQ(refusal_of("krum-select", "-1"),
            "krum-select is '-1'; valid: a whole number from 0 or auto");
  EXPECT_EQ(refusal_of("weight-cap", "0.5"), "weight-cap is '0.5'; valid: a number from 1");
  EXPECT_EQ(refusal_of("semantics", "byzfi"),
            "unknown value of semantics 'byzfi' (did you mean byzfl?); valid: paper, byzfl, byzpy");
}

}  // namespace
}  // namespace detox
