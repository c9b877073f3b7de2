// The runs of a search, and the names by which they are found again.
#include "experiment/trial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace detox {
namespace {

std::vector<Trial> trials(const RunConfig& base, const std::vector<std::string>& sweeps) {
  return trials_of(base, parse_sweeps(sweeps));
}

TEST(Trial, IsACombinationOfValuesTheLastSweepFastest) {
  std::vector<std::string> labels;
  for (const Trial& trial : trials({}, {"lr=0.1,0.2", "momentum=0,0.5,0.9"}))
    labels.push_back(trial.label);
  EXPECT_THAT(labels, testing::ElementsAre("lr=0.1 momentum=0", "lr=0.1 momentum=0.5",
                                           "lr=0.1 momentum=0.9", "lr=0.2 momentum=0",
                                           "lr=0.2 momentum=0.5", "lr=0.2 momentum=0.9"));
}

TEST(Trial, HasTheBasesOptionsButForThoseThatAreSwept) {
  RunConfig base;
  base.workers = 15;
  base.lr = 7;
  const Trial trial = trials(base, {"lr=0.25"}).front();
  EXPECT_EQ(trial.config.workers, 15U);
  EXPECT_EQ(trial.config.lr, 0.25);
}

TEST(Trial, IsTheSameRunInWhateverSweepItIs) {
  RunConfig base;
  base.momentum = 0.9;
  const std::vector<Trial> one = trials(base, {"lr=0.1,0.2"});
  base.momentum = 0.123;
  const std::vector<Trial> two = trials(base, {"momentum=0.5,0.9", "lr=0.2"});
  EXPECT_EQ(one[1].identity, two[1].identity);
  EXPECT_NE(one[0].identity, two[1].identity);
}

TEST(Trial, IsTheSameWhereverAndHoweverItIsCarriedOut) {
  RunConfig base;
  const std::string identity = trials(base, {"lr=0.1"}).front().identity;
  base.threads = 3;
  base.train_dir = "elsewhere";
  base.eval_freq = 1;
  base.keep_checkpoints = 2;
  base.data_dir = "data";
  EXPECT_EQ(trials(base, {"lr=0.1"}).front().identity, identity);
  base.seed = 7;
  EXPECT_NE(trials(base, {"lr=0.1"}).front().identity, identity);
}

TEST(Trial, DiffersInAnyOptionThatIsPartOfARun) {
  std::set<std::string> identities;
  std::size_t options = 0;
  for (const Option& option : train_options()) {
    if (option.in_every_trial) continue;
    if (!std::holds_alternative<std::uint64_t RunConfig::*>(option.field)) continue;
    RunConfig base;
    set_option(option, "77", base);
    identities.insert(trials(base, {"mode=krum"}).front().identity);
    ++options;
  }
  EXPECT_GT(options, 8U);
  EXPECT_EQ(identities.size(), options);
}

TEST(Trial, HasAFolderThatAnyFileSystemTakes) {
  const std::vector<Trial> all =
      trials({}, {"network=../a b/model.pt," + std::string(300, 'x'), "pre=[nnm,bucketing:s=2]"});
  EXPECT_EQ(all[0].folder, "network=.._a_b_model.pt,pre=nnm,bucketing_s=2-" + all[0].identity);
  EXPECT_LT(all[1].folder.size(), 100U);
  EXPECT_TRUE(all[1].folder.ends_with("-" + all[1].identity));
  EXPECT_EQ(all[0].identity.size(), 8U);
}

}  // namespace
}  // namespace detox
