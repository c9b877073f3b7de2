// The list of options itself.
#include "config/options.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/names.hpp"
#include "config/changed.hpp"
#include "config/refusal.hpp"

namespace detox {
namespace {

TEST(Options, HaveNamesAndAliasesThatNeverCollide) {
  std::map<std::string, std::string_view> owner;
  for (const Option& option : train_options()) {
    EXPECT_FALSE(option.name.empty());
    EXPECT_TRUE(owner.emplace(canonical_name(option.name), option.name).second) << option.name;
    if (option.alias.empty()) continue;
    EXPECT_TRUE(owner.emplace(canonical_name(option.alias), option.name).second) << option.alias;
  }
  EXPECT_FALSE(owner.contains("config")) << "--config is the command's own";
  EXPECT_FALSE(owner.contains("help"));
}

TEST(Options, HaveAGroupAndHelpInOneLine) {
  for (const Option& option : train_options()) {
    EXPECT_FALSE(option.group.empty()) << option.name;
    EXPECT_FALSE(option.help.empty()) << option.name;
    EXPECT_EQ(option.help.find('\n'), std::string_view::npos) << option.name;
  }
}

TEST(Options, ForEveryDayAreTwentyWithTheConfigurationFile) {
  const auto everyday = std::ranges::count_if(train_options(), &Option::is_everyday);
  EXPECT_EQ(everyday + 1, 20);
}

TEST(Options, SayWhatKindOfValueTheyTake) {
  for (const Option& option : train_options()) EXPECT_FALSE(value_form(option).empty());
  EXPECT_EQ(value_form(find_option("batch-size")), "N");
  EXPECT_EQ(value_form(find_option("workers")), "N|auto");
  EXPECT_EQ(value_form(find_option("lr")), "X|auto");
  EXPECT_EQ(value_form(find_option("momentum")), "X");
  EXPECT_EQ(value_form(find_option("nesterov")), "on|off");
  EXPECT_EQ(value_form(find_option("placement")), "random|fixed");
  EXPECT_EQ(value_form(find_option("eval-freq")), "N");  // "at the end" is no word
}

TEST(Options, AreFoundWithoutRegardToCaseAndDashes) {
  EXPECT_EQ(find_option("Batch_Size").name, "batch-size");
  EXPECT_EQ(find_option("LR").name, "lr");
  EXPECT_EQ(find_option("bucket-size").name, "buckets");
}

TEST(Options, TakeTheWordsForCompressionThatTheOriginalHad) {
  const Option& option = find_option("compress-grad");
  RunConfig config;
  for (const auto& [text, value] :
       {std::pair{"None", "none"}, {"compress", "compress"}, {"ZSTD", "zstd"}}) {
    set_option(option, text, config);
    EXPECT_EQ(config.compress_grad, value);
  }
  EXPECT_EQ(value_form(option), "none|blosc|compress|zstd");
}

TEST(Options, AnswerAnUnknownNameWithTheNearest) {
  const std::string text = refusal([] { find_option("worker-fial"); });
  EXPECT_EQ(text,
            "unknown option 'worker-fial' (did you mean worker-fail?); detoxml train --help-all "
            "shows all");
  EXPECT_EQ(refusal([] { find_option("lerning-rate"); }),
            "unknown option 'lerning-rate' (if learning-rate is meant: write --lr); detoxml train "
            "--help-all shows all");
  EXPECT_EQ(refusal([] { find_option("nosuch"); }),
            "unknown option 'nosuch' (if no-cuda is meant: detoxml computes on CPUs only); detoxml "
            "train --help-all shows all");
  EXPECT_EQ(refusal([] { find_option("watch-port"); }),
            "unknown option 'watch-port'; detoxml train --help-all shows all");
  EXPECT_NE(refusal([] { find_option(std::string(100000, 'x')); }), "");
}

TEST(Options, ReadTheTextOfTheirDefaultBackAsTheDefault) {
  const RunConfig defaults;
  RunConfig config = all_changed();
  for (const Option& option : train_options())
    set_option(option, option_text(option, defaults), config);
  for (const Option& option : train_options())
    EXPECT_EQ(option_text(option, config), option_text(option, defaults)) << option.name;
  EXPECT_EQ(config.lr, defaults.lr);
  EXPECT_EQ(config.mode, defaults.mode);
  EXPECT_EQ(config.alie_z, defaults.alie_z);
  EXPECT_EQ(config.workers, defaults.workers);
  EXPECT_EQ(config.assume_fail, defaults.assume_fail);
  EXPECT_EQ(config.checkpoint_step, defaults.checkpoint_step);
  EXPECT_EQ(config.data_dir, defaults.data_dir);
  EXPECT_EQ(config.resume, "none");
}

TEST(Options, ReachAFieldOfTheirOwn) {
  const RunConfig defaults;
  for (const Option& option : train_options()) {
    if (has_one_value(option)) continue;
    ASSERT_TRUE(other_values().contains(option.name)) << "give changed.hpp " << option.name;
    RunConfig config;
    set_option(option, other_values().at(option.name), config);
    for (const Option& other : train_options()) {
      EXPECT_EQ(option_text(other, config) != option_text(other, defaults),
                other.name == option.name)
          << "setting " << option.name << ", looking at " << other.name;
    }
  }
}

TEST(Options, HaveTheDefaultsThatTheSpecificationGives) {
  const std::map<std::string_view, std::string_view> defaults = {{"network", "LeNet"},
                                                                 {"dataset", "FashionMNIST"},
                                                                 {"approach", "detox"},
                                                                 {"inner-mode", "normal"},
                                                                 {"group-size", "3"},
                                                                 {"buckets", "off"},
                                                                 {"worker-fail", "0"},
                                                                 {"err-mode", "rev_grad"},
                                                                 {"adversarial", "auto"},
                                                                 {"lis-simulation", "none"},
                                                                 {"alie-z", "1"},
                                                                 {"alie-sign", "minus"},
                                                                 {"alie-ddof", "1"},
                                                                 {"attack-statistics", "on"},
                                                                 {"fail-schedule", "auto"},
                                                                 {"placement", "random"},
                                                                 {"batch-size", "32"},
                                                                 {"global-batch", "off"},
                                                                 {"momentum", "0.9"},
                                                                 {"weight-decay", "0"},
                                                                 {"nesterov", "off"},
                                                                 {"lr-schedule", "constant"},
                                                                 {"max-steps", "1000"},
                                                                 {"epochs", "off"},
                                                                 {"step-timeout", "60"},
                                                                 {"start-timeout", "600"},
                                                                 {"max-skipped", "20"},
                                                                 {"on-divergence", "stop"},
                                                                 {"eval-freq", "50"},
                                                                 {"train-dir", "output/models"},
                                                                 {"keep-checkpoints", "all"},
                                                                 {"resume", "none"},
                                                                 {"seed", "428"},
                                                                 {"engine", "auto"},
                                                                 {"bulyan-variant", "paper"}};
  for (const auto& [name, text] : defaults)
    EXPECT_EQ(option_text(find_option(name), RunConfig{}), text) << name;
}

}  // namespace
}  // namespace detox
