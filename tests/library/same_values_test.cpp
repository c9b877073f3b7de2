// A rule's option takes the same values, and refuses others in the same words, for `train` and over
// the C interface. (`aggregate`: tests/program/commands_test.py.)
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "config/options.hpp"
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
