// Configuration files: what is written reads back, and what is none is refused with its line.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "config/changed.hpp"
#include "config/options.hpp"
#include "config/refusal.hpp"
#include "detox/random.hpp"

namespace detox {
namespace {

RunConfig read(std::string_view text) {
  RunConfig config;
  for (const Setting& setting : parse_settings(text, "run.toml"))
    set_option(find_option(setting.name), setting.text, config);
  return config;
}

std::string refused(std::string_view text) {
  return refusal([&] { read(text); });
}

void expect_equal(const RunConfig& a, const RunConfig& b) {
  for (const Option& option : train_options())
    EXPECT_EQ(option_text(option, a), option_text(option, b)) << option.name;
}

TEST(SettingsFile, ReadsBackAConfigurationWithEveryFieldChanged) {
  const RunConfig changed = all_changed();
  expect_equal(read(to_toml(changed, "a header")), changed);
  expect_equal(read(to_toml(RunConfig{}, "a header")), RunConfig{});
}

TEST(SettingsFile, WritesEveryOptionOnceUnderItsGroup) {
  const std::string text = to_toml(RunConfig{}, "detoxml 0.1.0");
  EXPECT_TRUE(text.starts_with("# detoxml 0.1.0\n"));
  for (const Option& option : train_options()) {
    const std::string line = fmt::format("\n{} = ", option.name);
    EXPECT_NE(text.find(line), std::string::npos) << option.name;
    EXPECT_EQ(text.find(line, text.find(line) + 1), std::string::npos) << option.name;
    EXPECT_NE(text.find(fmt::format("\n# {}\n", option.group)), std::string::npos);
  }
}

TEST(SettingsFile, ReadsBackAnyTextThatAnOptionTakes) {
  RandomStream random(key_from_seed(1));
  const std::vector<std::string> pieces = {"\"", "\\",  "\\n",      "#",           "'", "\"\"\"",
                                           "=",  "[x]", " ",        "é",           "😀", "\\u0041",
                                           "x",  ".",   "\xc2\x85", "\xef\xbf\xbe"};
  for (int round = 0; round < 500; ++round) {
    std::string odd;
    for (std::uint64_t i = random.below(12); i > 0; --i) odd += pieces[random.below(pieces.size())];
    RunConfig config;
    set_option(find_option("train-dir"), odd, config);
    EXPECT_EQ(read(to_toml(config, "x")).train_dir, odd);
  }
}

TEST(SettingsFile, ReadsEveryKindOfTomlValue) {
  const RunConfig config = read(
      "# a comment with dots ................\n"
      "batch-size = 64\nlr = 0.5\nnesterov = true\nmode = 'krum'\nmax-steps = \"7\"\n"
      "eval-freq = \"at the end\"\nadversarial = -3\nbucket-size = 0x5\n");
  EXPECT_EQ(config.batch_size, 64U);
  EXPECT_EQ(config.lr, 0.5);
  EXPECT_TRUE(config.nesterov);
  EXPECT_EQ(config.mode, "krum");
  EXPECT_EQ(config.max_steps, 7U);
  EXPECT_EQ(config.eval_freq, 0U);
  EXPECT_EQ(config.adversarial, -3.0);
  EXPECT_EQ(config.buckets, 5U);
}

TEST(SettingsFile, TakesAListWhereAValueIsSeveral) {
  EXPECT_EQ(to_text(read("pre = [\"nnm\", \"bucketing:s=2\"]\n").rule.pre), "nnm,bucketing:s=2");
  EXPECT_TRUE(read("pre = []\n").rule.pre.empty());
  EXPECT_EQ(read("absent = [\"3:10-20\", \"7:1\"]\n").absent, "3:10-20,7:1");
  EXPECT_NE(refused("pre = [[\"nnm\"]]\n").find("run.toml:1: "), std::string::npos);
}

TEST(SettingsFile, TellsAllThatIsWrongInTheOrderOfTheLines) {
  const auto all = [](std::string_view text) {
    try {
      parse_settings(text, "run.toml");
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(all("learning-rate = 0.1\nlr = 0.1\nbatch-size = {}\nLR = 2\ncuda = true\n"),
            "run.toml:1: no option 'learning-rate' here: write --lr\n"
            "run.toml:3: the value of batch-size is none; valid: text, a number, true or false\n"
            "run.toml:4: lr is given twice\n"
            "run.toml:5: no option 'cuda' here: detoxml computes on CPUs only; leave it out");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += fmt::format("unknown{} = 1\n", i);
  const std::string told = all(many);
  EXPECT_LT(std::ranges::count(told, '\n'), 50);
}

TEST(SettingsFile, TakesWithARemarkWhatIsNotNeeded) {
  RunConfig config;
  for (const Setting& setting :
       parse_settings("no-cuda = true\ndevice = \"cpu\"\nlr = 0.5\n", "run.toml"))
    apply_setting(setting, config);
  EXPECT_EQ(config.lr, 0.5);
  EXPECT_EQ(config.remarks.size(), 2U);
}

TEST(SettingsFile, AnswersAnUnknownKeyWithItsLineAndTheNearestName) {
  const std::string text = refused("lr = 0.1\n\nbatchsice = 3\n");
  EXPECT_TRUE(text.starts_with("run.toml:3: unknown option 'batchsice' (did you mean batch-size?)"))
      << text;
  EXPECT_NE(refused("\"a\\nb\" = 1\n"), "");
  EXPECT_NE(refused("\"a\\u0000\" = [1]\n"), "");
  EXPECT_NE(refused(std::string(100000, 'k') + " = 1"), "");
}

TEST(SettingsFile, RefusesAnOptionThatIsGivenTwiceUnderTwoNames) {
  EXPECT_NE(refused("buckets = 3\nbucket-size = 5\n").find("buckets is given twice"),
            std::string::npos);
  EXPECT_NE(refused("batch-size = 3\nBatch_Size = 5\n").find("batch-size is given twice"),
            std::string::npos);
  EXPECT_NE(refused("lr = 3\nlr = 5\n").find("run.toml:2: not TOML"), std::string::npos);
}

TEST(SettingsFile, RefusesTablesListsAndDates) {
  EXPECT_EQ(refused("lr = [1, 2]\n"),
            "run.toml:1: the value of lr is a list; valid: text, a number, true or false");
  EXPECT_EQ(refused("lr = 1979-05-27\n"),
            "run.toml:1: the value of lr is none; valid: text, a number, true or false");
  for (const std::string_view text :
       {"[lr]\nx = 1\n", "lr.x = 1\n", "lr = {x = 1}\n", "lr = 1979-05-27\n", "[[lr]]\nx = 1\n"})
    EXPECT_NE(refused(text), "") << text;
}

TEST(SettingsFile, RefusesWhatIsNotTomlWithTheLine) {
  EXPECT_TRUE(refused("lr = 1\nmode = krum\n").starts_with("run.toml:2: not TOML: "));
  for (const std::string_view text :
       {"lr", "lr =", "= 1", "lr = \"x", "lr = 1 2", "\xff\xfe", "[", "lr = nan", "lr = inf",
        "batch-size = -1", "batch-size = 1.5"})
    EXPECT_NE(refused(text), "") << text;
}

TEST(SettingsFile, SurvivesFilesThatAreDeepOrLong) {
  std::string dots = "a", brackets = "lr = ", tables = "lr = ";
  for (int i = 0; i < 200000; ++i) {
    dots += ".a";
    brackets += "[";
    tables += "{a=";
  }
  for (const std::string& text :
       {dots + " = 1", brackets, tables, "[" + dots + "]", std::string((1U << 20U) + 1, '#')})
    EXPECT_NE(refused(text), "");
  // The deepest that passes the count of dots.
  std::string nested = "lr = ";
  for (int level = 0; level < 120; ++level) nested += "{a.a=[\n";
  EXPECT_NE(refused(nested), "");
  EXPECT_NE(refused(dots.substr(0, 8001) + " = 1"), "");
  EXPECT_EQ(refused(std::string("#").append(500000, '.')), "");
}

}  // namespace
}  // namespace detox
