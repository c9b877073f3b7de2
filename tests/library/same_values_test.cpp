// A rule's option takes the same values, and refuses others in the same words, for `train`, over
// the C interface and in C++. (`aggregate`: tests/program/commands_test.py.)
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/options.hpp"
#include "detox/aggregator.hpp"
#include "detox/detox.h"
#include "detox/errors.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

std::string refusal_of_train(const RuleOption& option, const std::string& text) {
  try {
    RunConfig config;
    set_option(find_option(option.name), text, config);
    return "";
  } catch (const UsageError& error) {
    std::string said = error.what();
    const std::size_t dashes = said.find(fmt::format("--{}", option.name));
    return dashes == std::string::npos ? said : said.erase(dashes, 2);
  }
}

std::string refusal_of_c(const RuleOption& option, const std::string& text) {
  detox_aggregator* made =
      detox_create("median", fmt::format("{}={}", option.name, text).c_str(), 1);
  detox_destroy(made);
  return made != nullptr ? "" : detox_error();
}

std::string refusal_of_cpp(const RuleOptions& options) {
  try {
    make_aggregator("median", options);
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

/// What the text is in the option's member, whatever its range; nothing where it is no number of
/// that kind.
std::optional<RuleOption::Value> unchecked(const RuleOption& option, const std::string& text) {
  char* end = nullptr;
  if (text.empty() || option.words != nullptr || rule_option_form(option) == "STEPS") return {};
  if (!option.range.whole) {
    const double value = std::strtod(text.c_str(), &end);
    return *end == '\0' ? std::optional<RuleOption::Value>(value) : std::nullopt;
  }
  if (text.find_first_not_of("0123456789") != std::string::npos) return {};
  return std::uint64_t{std::strtoull(text.c_str(), &end, 10)};
}

/// Below, at and above both ends, and what is no number.
std::vector<std::string> texts_about(const RuleOption& option) {
  std::set<std::string> texts = {"",      "x",    "1x",   "-1",   "0",    "1",
                                 "0.5",   "2",    "nan",  "inf",  "-inf", "1e9",
                                 "1e400", "auto", "AUTO", "none", "nnm",  "nmn"};
  const Range& range = option.range;
  for (const double end : {range.least, range.most}) {
    if (!std::isfinite(end)) continue;
    const double infinity = std::numeric_limits<double>::infinity();
    for (const double value :
         {end - 1, std::nextafter(end, -infinity), end, std::nextafter(end, infinity), end + 1})
      texts.insert(fmt::format("{}", value));
  }
  if (option.words != nullptr) {
    for (const std::string_view word : option.words()) texts.insert(std::string(word));
  }
  return {texts.begin(), texts.end()};
}

TEST(RuleOptions, TakeTheSameValuesInTrainAndInC) {
  std::size_t taken = 0, refused = 0;
  for (const RuleOption& option : rule_options()) {
    if (option.of_plan) continue;
    for (const std::string& text : texts_about(option)) {
      const std::string said = refusal_of_c(option, text);
      EXPECT_EQ(refusal_of_train(option, text), said) << option.name << '=' << text;
      said.empty() ? ++taken : ++refused;
    }
  }
  EXPECT_GT(taken, 30U);
  EXPECT_GT(refused, 100U);
}

TEST(RuleOptions, TakeTheSameNumbersInCppAndInC) {
  std::size_t taken = 0, refused = 0;
  for (const RuleOption& option : rule_options()) {
    for (const std::string& text : texts_about(option)) {
      const std::optional<RuleOption::Value> value = unchecked(option, text);
      if (!value) continue;
      RuleOptions options;
      option.write(*value, options);
      // In a member the word for 0 is 0, and each number has one text.
      const std::string as_text = rule_option_text(option, options);
      const std::string said = refusal_of_c(option, as_text);
      EXPECT_EQ(refusal_of_cpp(options), said) << option.name << '=' << text;
      said.empty() ? ++taken : ++refused;
    }
  }
  EXPECT_GT(taken, 20U);
  EXPECT_GT(refused, 15U);
}

TEST(RuleOptions, OfCppThatNoTextCanSayAreRefusedAsWell) {
  RuleOptions options;
  options.semantics = static_cast<Semantics>(7);
  EXPECT_EQ(refusal_of_cpp(options), "semantics is '7'; valid: paper, byzfl, byzpy");
  options = {.bulyan_variant = static_cast<BulyanVariant>(-1)};
  EXPECT_EQ(refusal_of_cpp(options).substr(0, 19), "bulyan-variant is '");
  const PreInfo* bucketing = parse_pre_steps("bucketing")[0].info;
  for (const double s : {0.0, -1.0, 1.5, 1e16, std::nan("")}) {
    EXPECT_EQ(refusal_of_cpp({.pre = {{bucketing, s}}}),
              refusal_of_c(find_rule_option("pre"), fmt::format("bucketing:s={}", s)));
  }
  EXPECT_EQ(refusal_of_cpp({.pre = {{nullptr, 2}}}),
            "a step of pre is none of pre_aggregators(); valid: those, or parse_pre_steps");
  const PreInfo own = *bucketing;
  EXPECT_NE(refusal_of_cpp({.pre = {{&own, 2}}}), "");
}

TEST(RuleOptions, AreCheckedBeforeRequirementsAndWeightsAre) {
  const RuleOptions options{.weight_cap = -1};
  const std::string refusal = "weight-cap is '-1'; valid: a number from 1";
  EXPECT_EQ(unmet_requirement(find_rule("median"), options, 3), refusal);
  EXPECT_EQ(unmet_weights(find_rule("median"), options, std::vector<double>{1, 1, 1}, 3), refusal);
}

TEST(RuleOptions, TakeTheNumbersOfTheirRangeAndTheirWord) {
  for (const RuleOption& option : rule_options()) {
    if (option.words != nullptr || rule_option_form(option) == "STEPS") continue;
    for (const std::string& text : texts_about(option)) {
      char* end = nullptr;
      const double value = std::strtod(text.c_str(), &end);
      const bool is_number = !text.empty() && *end == '\0' && std::isfinite(value);
      const bool is_digits = text.find_first_not_of("0123456789") == std::string::npos;
      const bool is_in =
          is_number && (is_digits || !option.range.whole) &&
          (option.range.above_least ? value > option.range.least : value >= option.range.least) &&
          (option.range.below_most ? value < option.range.most : value <= option.range.most);
      const bool is_word = !option.empty_word.empty() && (text == "auto" || text == "AUTO");
      EXPECT_EQ(refusal_of_c(option, text).empty(), is_in || is_word) << option.name << '=' << text;
    }
  }
}

TEST(RuleOptions, AreAllNamedInTheHeaderOfTheCInterface) {
  std::ifstream file(DETOX_SOURCE_DIR "/include/detox/detox.h");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const RuleOption& option : rule_options())
    EXPECT_NE(text.find(option.name), std::string::npos) << option.name;
}

}  // namespace
}  // namespace detox
