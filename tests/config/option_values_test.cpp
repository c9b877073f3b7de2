// Text to value: what is read, and what is refused and how.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <variant>

#include "config/options.hpp"
#include "config/refusal.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

std::string refused(std::string_view name, std::string_view text) {
  RunConfig config;
  std::string message = refusal([&] { set_option(find_option(name), text, config); });
  EXPECT_EQ(option_text(find_option(name), config), option_text(find_option(name), RunConfig{}))
      << "a refused value must change nothing";
  return message;
}

RunConfig with(std::string_view name, std::string_view text) {
  RunConfig config;
  set_option(find_option(name), text, config);
  return config;
}

bool is_whole(const Option& option) {
  if (const auto* rule = std::get_if<const RuleOption*>(&option.field))
    return is_number(option) && (*rule)->range.whole;
  return std::holds_alternative<std::uint64_t RunConfig::*>(option.field) ||
         std::holds_alternative<std::optional<std::uint64_t> RunConfig::*>(option.field);
}
bool is_real(const Option& option) { return is_number(option) && !is_whole(option); }

TEST(OptionValues, RefuseNumbersThatAreNone) {
  for (const Option& option : train_options()) {
    if (!is_whole(option) && !is_real(option)) continue;
    for (const std::string_view text :
         {"", " ", "x", "1x", "1 ", " 1", "1,5", "0x10", "nan", "NaN", "inf", "-inf", "infinity",
          "1e", "--1", "+-1", "1e400", "-1e400", "1.2.3"}) {
      const std::string message = refused(option.name, text);
      EXPECT_NE(message.find(fmt::format("--{} ", option.name)), std::string::npos)
          << option.name << " took '" << text << "': " << message;
      EXPECT_NE(message.find("valid: "), std::string::npos) << message;
    }
  }
}

TEST(OptionValues, RefuseWholeNumbersThatAreNegativeBrokenOrTooLarge) {
  for (const Option& option : train_options()) {
    if (!is_whole(option)) continue;
    for (const std::string_view text : {"-1", "1.5", "1e3", "18446744073709551616"})
      EXPECT_NE(refused(option.name, text), "") << option.name << " took " << text;
  }
  EXPECT_EQ(with("seed", "18446744073709551615").seed, 18446744073709551615ULL);
}

TEST(OptionValues, SayWhatWouldBeValid) {
  EXPECT_EQ(refused("batch-size", "many"), "--batch-size is 'many'; valid: a whole number from 0");
  EXPECT_EQ(refused("workers", "-3"), "--workers is '-3'; valid: a whole number from 0 or auto");
  EXPECT_EQ(refused("alie-z", "big"), "--alie-z is 'big'; valid: a number or auto");
  EXPECT_EQ(refused("nesterov", "maybe"), "--nesterov is 'maybe'; valid: on, off");
}

TEST(OptionValues, NameTheNearestWordOfAClosedSet) {
  EXPECT_EQ(refused("placement", "rnadom"),
            "unknown value of --placement 'rnadom' (did you mean random?); valid: random, fixed");
  for (const Option& option : train_options()) {
    if (option.choices.empty()) continue;
    const std::string message = refused(option.name, "no such word");
    for (const std::string_view choice : option.choices)
      EXPECT_NE(message.find(choice), std::string::npos) << message;
    for (const std::string_view choice : option.choices)
      EXPECT_EQ(option_text(option, with(option.name, choice)), choice);
  }
}

TEST(OptionValues, ReadWordsWithoutRegardToCaseAndDashes) {
  EXPECT_EQ(with("fail-schedule", "Worst_Case").fail_schedule, FailSchedule::kWorstCase);
  EXPECT_EQ(with("lr-schedule", "COSINE").lr_schedule, LrShape::kCosine);
  EXPECT_EQ(with("comm-type", "async").comm_type, CommType::kAsync);
  EXPECT_EQ(with("comm-type", "bcast").comm_type, CommType::kBcast);
  EXPECT_FALSE(with("attack-statistics", "No").attack_statistics);
  EXPECT_TRUE(with("nesterov", "1").nesterov);
}

TEST(OptionValues, ReadTheWordsThatStandForNoNumber) {
  EXPECT_EQ(with("alie-z", "auto").alie_z, std::nullopt);
  EXPECT_EQ(with("eval-freq", "at the end").eval_freq, 0U);
  EXPECT_EQ(with("keep-checkpoints", "ALL").keep_checkpoints, 0U);
  EXPECT_EQ(with("checkpoint-step", "0").checkpoint_step, 0U);
  EXPECT_EQ(with("checkpoint-step", "off").checkpoint_step, std::nullopt);
}

TEST(OptionValues, KeepEveryBitOfARealNumber) {
  for (const double value :
       {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 1e22, 123456.789}) {
    RunConfig config;
    config.adversarial = value;
    const Option& option = find_option("adversarial");
    RunConfig back;
    set_option(option, option_text(option, config), back);
    EXPECT_EQ(back.adversarial, value);
    EXPECT_EQ(std::signbit(*back.adversarial), std::signbit(value));
  }
}

TEST(OptionValues, RefuseTextThatAConfigurationFileCouldNotSay) {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {"a\nb"sv, "a\tb"sv, "\0"sv, "a\x7f"sv, "\x80"sv, "\xc3"sv, "\xc3("sv, "\xc0\xaf"sv,
        "\xe0\x80\xaf"sv, "\xed\xa0\x80"sv, "\xf4\x90\x80\x80"sv, "\xf8\x88\x80\x80\x80"sv,
        "\xff"sv, "\xf0\x9f\x98"sv}) {
    EXPECT_NE(refused("train-dir", text).find("--train-dir holds"), std::string::npos);
    EXPECT_NE(refused("max-steps", text), "");
  }
  for (const std::string_view text : {"é"sv, "\xed\x9f\xbf"sv, "\xee\x80\x80"sv, "😀"sv,
                                      "\xf4\x8f\xbf\xbf"sv, "a b"sv, "'\"\\#"sv})
    EXPECT_EQ(with("train-dir", text).train_dir, text);
}

TEST(OptionValues, DoNotRepeatALongValueInFull) {
  EXPECT_LT(refused("batch-size", std::string(1000000, '9')).size(), 200U);
}

TEST(OptionValues, KnowTheHomeDirectoryWhereTheyArePathsAndOnlyThere) {
  const char* set = std::getenv("HOME");
  const std::string before = set != nullptr ? set : "";
  setenv("HOME", "/srv/somebody", 1);
  for (const char* option : {"train-dir", "data-dir", "learner", "placement-key", "pretrained",
                             "resume", "replay", "network", "dataset"})
    EXPECT_EQ(option_text(find_option(option), with(option, "~/x")), "/srv/somebody/x") << option;
  EXPECT_EQ(with("absent", "~/x").absent, "~/x");
  EXPECT_EQ(with("train-dir", "./~/x").train_dir, "./~/x");
  before.empty() ? unsetenv("HOME") : setenv("HOME", before.c_str(), 1);
}

}  // namespace
}  // namespace detox
