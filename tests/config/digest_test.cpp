// The digest of a configuration tells runs that give other bits from runs that do not.
#include "base/digest.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "config/changed.hpp"
#include "config/options.hpp"

namespace detox {
namespace {

/// Where and how long a run is computed, and whose answers come in; none of it changes what a step
/// makes of them. The placement key's content is
/// among the `extra` facts, and so is the last step where the schedule is a cosine.
const std::set<std::string_view> kWithoutEffect = {"data-dir",
                                                   "placement-key",
                                                   "vote",
                                                   "compress-grad",
                                                   "max-steps",
                                                   "epochs",
                                                   "engine",
                                                   "threads",
                                                   "learner",
                                                   "comm-type",
                                                   "step-timeout",
                                                   "start-timeout",
                                                   "max-skipped",
                                                   "on-divergence",
                                                   "pretrained",
                                                   "pretrained-head",
                                                   "pretrained-momentum",
                                                   "overwrite",
                                                   "eval-freq",
                                                   "train-dir",
                                                   "keep-checkpoints",
                                                   "commit",
                                                   "sign-key",
                                                   "resume",
                                                   "replay",
                                                   "absent",
                                                   "log-interval",
                                                   "tensorboard",
                                                   "no-evaluate",
                                                   "checkpoint-step",
                                                   "compute-every-replica",
                                                   "lazy",
                                                   "recheck",
                                                   "evict-after",
                                                   "heal",
                                                   "readmit",
                                                   "numerics",
                                                   "allow-other-numerics"};

TEST(ConfigDigest, ChangesWithEachOptionThatAffectsTheResultAndWithNoOther) {
  const std::string before = config_digest(RunConfig{}, "data");
  std::set<std::string> seen = {before};
  for (const Option& option : train_options()) {
    if (has_one_value(option)) continue;
    RunConfig config;
    set_option(option, other_values().at(option.name), config);
    const std::string after = config_digest(config, "data");
    if (kWithoutEffect.contains(option.name)) {
      EXPECT_EQ(after, before) << option.name;
      EXPECT_TRUE(differences(config, RunConfig{}).empty()) << option.name;
    } else {
      EXPECT_TRUE(seen.insert(after).second) << option.name;
      EXPECT_EQ(differences(config, RunConfig{}).size(), 1U) << option.name;
    }
  }
  for (const std::string_view name : kWithoutEffect)
    EXPECT_NE(find_option(name).scope, Scope::kResult);
}

/// Part of the digest of every run since the first: this list does not grow.
const std::set<std::string_view> kSinceTheFirst = {"network",        "dataset",
                                                   "image-size",     "approach",
                                                   "mode",           "pre",
                                                   "inner-mode",     "group-size",
                                                   "buckets",        "workers",
                                                   "assume-fail",    "krum-select",
                                                   "bulyan-variant", "tolerance",
                                                   "reference-row",  "clip-radius",
                                                   "clip-rounds",    "clip-start",
                                                   "semantics",      "weights",
                                                   "weight-cap",     "placement",
                                                   "num-aggregate",  "worker-fail",
                                                   "err-mode",       "adversarial",
                                                   "lis-simulation", "alie-z",
                                                   "alie-sign",      "attack-statistics",
                                                   "fail-schedule",  "batch-size",
                                                   "global-batch",   "lr",
                                                   "momentum",       "weight-decay",
                                                   "nesterov",       "lr-schedule",
                                                   "warmup-steps",   "lr-step-size",
                                                   "lr-gamma",       "seed"};

TEST(ConfigDigest, LeavesOutANewerOptionAtItsDefaultSoThatOlderRunsGoOn) {
  for (const Option& option : train_options()) {
    if (option.scope != Scope::kResult) continue;
    EXPECT_NE(option.is_newer, kSinceTheFirst.contains(option.name))
        << option.name << " was not there when runs began that go on: it needs .is_newer = true";
  }
  for (const std::string_view name : kSinceTheFirst)
    EXPECT_EQ(find_option(name).scope, Scope::kResult) << name;
}

TEST(ConfigDigest, OfARunThatIsOlderThanAnOptionStaysTheSame) {
  DigestBuilder older;
  for (const Option& option : train_options()) {
    if (option.scope == Scope::kResult && kSinceTheFirst.contains(option.name))
      older.add(fmt::format("{} = {}\n", option.name, option_text(option, RunConfig{})));
  }
  EXPECT_EQ(config_digest(RunConfig{}, "data"), hex(older.add("data").finish()));
}

TEST(ConfigDigest, CoversTheFactsThatAreNotOptions) {
  EXPECT_NE(config_digest(RunConfig{}, "data a"), config_digest(RunConfig{}, "data b"));
  EXPECT_EQ(config_digest(RunConfig{}, "").size(), 64U);
}

TEST(Differences, SayTheValueHereAndThere) {
  RunConfig here, there;
  there.lr = 0.1;
  there.batch_size = 64;
  here.train_dir = "elsewhere";
  EXPECT_EQ(differences(here, there), (std::vector<std::string>{"batch-size: 32 here, 64 there",
                                                                "lr: auto here, 0.1 there"}));
}

}  // namespace
}  // namespace detox
