// The runs of an experiment and their keys, with data that nobody has to load.
#include "experiment/experiment_runs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "base/names.hpp"
#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Data of a few numbers, whose digest is `digest` and whether it is for training or not.
class NoData : public Dataset {
 public:
  explicit NoData(std::string digest) : digest_(std::move(digest)) {}
  std::string name() const override { return "none"; }
  bool is_synthetic() const override { return false; }
  std::size_t size() const override { return 0; }
  ImageShape shape() const override { return {}; }
  std::size_t classes() const override { return 0; }
  std::span<const std::string> class_names() const override { return {}; }
  std::int64_t label(std::size_t) const override { return 0; }
  void read(std::size_t, std::uint64_t, const Key&, std::span<float>) const override {}
  void pixels(std::size_t, std::span<std::uint8_t>) const override {}
  std::string digest() const override { return digest_; }

 private:
  std::string digest_;
};

constexpr DatasetInfo kData = {"FashionMNIST", "", "", "", "", {}, 10};

class ExperimentRuns : public testing::Test {
 protected:
  std::vector<ExperimentRun> runs(const std::string& text, const std::string& program = "1.0") {
    const Environment environment{
        .load_data =
            [this](const RunConfig&, Split split) {
              ++loaded_;
              return std::make_unique<NoData>(data_ + (split == Split::kTrain ? "train" : "test"));
            },
        .resolve_network =
            [](std::string_view name) {
              if (canonical_name(name) != "lenet") throw UsageError("no such network");
              return std::string("LeNet");
            },
        .choose_dataset =
            [](std::string_view name) {
              return DatasetChoice{&kData, std::string(name)};
            },
        .make_learner = nullptr,
        .stop = stop_};
    remarks_.clear();
    return runs_of(parse_experiment(text, folder_ / "x.toml"), environment, program, remarks_);
  }

  std::string key(const std::string& train, const std::string& program = "1.0") {
    return runs("[train]\n" + train, program).at(0).key;
  }

  TemporaryDirectory folder_;
  std::atomic<bool> stop_{false};
  std::string data_;
  int loaded_ = 0;
  std::vector<std::string> remarks_;
};

TEST_F(ExperimentRuns, AreTheProductOfAxesWithTheLastOneAndTheSeedFastest) {
  const auto all = runs(R"(
seeds = 2
[axes.defence]
"a b" = { mode = "krum" }
c = { mode = "normal" }
[axes]
lr = [0.1, 0.01]
[[exclude]]
defence = "c"
lr = 0.1
[[replicate]]
defence = "c"
seeds = [5]
)");
  std::vector<std::string> labels;
  labels.reserve(all.size());
  for (const ExperimentRun& run : all) labels.push_back(run.label);
  EXPECT_THAT(labels,
              ElementsAre("a b, lr=0.1, seed 428", "a b, lr=0.1, seed 1", "a b, lr=0.01, seed 428",
                          "a b, lr=0.01, seed 1", "c, lr=0.01, seed 5"));
  EXPECT_EQ(all[3].config.seed, 1U);
  EXPECT_EQ(*all[3].config.lr, 0.01);
  EXPECT_EQ(folder_name(all[0]), "a_b_lr=0.1_seed_428-" + all[0].key);
  EXPECT_EQ(loaded_, 2) << "training and test set, once for all of them";
}

TEST_F(ExperimentRuns, AreOneWhereTheySayTheSameInOtherWords) {
  const std::string plain = key("");
  EXPECT_EQ(key("network = \"le-net\"\nmode = \"Coord_Median\""), plain);
  EXPECT_EQ(key("workers = 9\ngroup-size = 3\nassume-fail = 1\nlr = 0.01"), plain);
  EXPECT_EQ(key("err-mode = \"ipm\"\nadversarial = 3"), plain) << "nobody lies";
  EXPECT_EQ(key("lr-gamma = 0.5\naudit-rate = 0.3"), plain) << "nothing reads them";
  EXPECT_EQ(key("data-dir = \"/somewhere\"\neval-freq = 3\nkeep-checkpoints = 2"), plain)
      << "what is computed does not depend on them";
}

TEST_F(ExperimentRuns, AreOthersWhereAnythingIsThatBytesComeFrom) {
  std::set<std::string> keys = {key("")};
  for (const char* train :
       {"lr = 0.02", "max-steps = 3", "worker-fail = 1", "mode = \"krum\"", "momentum = 0",
        "worker-fail = 1\nerr-mode = \"ipm\"", "on-divergence = \"continue\""})
    EXPECT_TRUE(keys.insert(key(train)).second) << train;
  EXPECT_TRUE(keys.insert(key("", "1.1")).second) << "the program";
  data_ = "other ";
  EXPECT_TRUE(keys.insert(key("")).second) << "the data";
  data_.clear();
  const std::string file = folder_ / "placement";
  const std::string train = "placement-key = \"" + file + "\"";
  std::ofstream(file) << "a key that only the server reads";
  EXPECT_TRUE(keys.insert(key(train)).second);
  std::ofstream(file) << "another key that only the server reads";
  EXPECT_TRUE(keys.insert(key(train)).second) << "a file is what it holds";
  std::ofstream(folder_ / "model_step_5") << "weights";
  std::ofstream(folder_ / "state_step_5") << "momentum";
  const std::string begun =
      "pretrained = \"" + std::string(folder_ / "model_step_5") + "\"\npretrained-momentum = true";
  EXPECT_TRUE(keys.insert(key(begun)).second);
  std::ofstream(folder_ / "state_step_5") << "another momentum";
  EXPECT_TRUE(keys.insert(key(begun)).second) << "and so is the one beside it";
}

TEST_F(ExperimentRuns, HaveTheReasonWhereADefenceCannotBeHad) {
  const auto all = runs(
      "[train]\napproach = \"baseline\"\nworker-fail = 2\n[axes]\nmode = [\"bulyan\", \"normal\"]");
  EXPECT_THAT(all.at(0).refusal, HasSubstr("bulyan needs n >= 4f + 3"));
  EXPECT_EQ(all.at(1).refusal, "");
}

TEST_F(ExperimentRuns, AreRefusedWhereAnOptionCannotBeMeant) {
  const auto refusal = [this](const std::string& text) {
    try {
      runs(text);
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal("[axes.n]\na = { network = \"LeNot\" }"), HasSubstr("a: no such network"));
  EXPECT_THAT(refusal("[train]\nmode = \"krumm\""), HasSubstr("krumm"));
  EXPECT_THAT(refusal("[axes]\nlr=[1]\n[[exclude]]\nlr=1"),
              HasSubstr("leaves out all of its runs"));
  EXPECT_THAT(refusal("seeds = 1000\n[axes]\nlr=\"1..5\""), HasSubstr("more than 4096 runs"));
}

TEST_F(ExperimentRuns, TellWhatIsTakenInAnotherWay) {
  runs("[train]\nno-cuda = true\n[axes]\nlr = [0.1, 0.2]");
  EXPECT_EQ(remarks_.size(), 1U) << "once for all";
}

}  // namespace
}  // namespace detox
