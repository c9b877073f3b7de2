// The file of an experiment: what it says, in its own order, and what it cannot say.
#include "experiment/experiment_file.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "detox/errors.hpp"
#include "experiment/sweep.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names_of(const Axis& axis) {
  std::vector<std::string> names;
  for (const AxisValue& value : axis.values) names.push_back(value.name);
  return names;
}

std::string text_of_settings(const std::vector<Setting>& settings) {
  std::string text;
  for (const Setting& setting : settings) text += setting.name + "=" + setting.text + " ";
  return text;
}

std::string said_of(std::string_view text, const fs::path& file = "x.toml") {
  try {
    parse_experiment(text, file);
  } catch (const Error& error) {
    return error.what();
  }
  return "taken";
}

TEST(ExperimentFile, KeepsAxesAndValuesInItsOrder) {
  const Experiment experiment = parse_experiment(R"(
[axes.zebra]
"the second is first" = { mode = "krum", buckets = 5 }
a = {}
[axes]
lr = [0.1, 0.01]
adversarial = "2^-1..2^1"
[axes.attack]
"b" = { err-mode = "ipm" }
)",
                                                 "some/where.toml");
  EXPECT_EQ(experiment.name, "where");
  EXPECT_THAT(experiment.seeds, ElementsAre(428));
  ASSERT_EQ(experiment.axes.size(), 4U);
  EXPECT_EQ(experiment.axes[0].name, "zebra");
  EXPECT_THAT(names_of(experiment.axes[0]), ElementsAre("the second is first", "a"));
  EXPECT_EQ(text_of_settings(experiment.axes[0].values[0].settings), "mode=krum buckets=5 ");
  EXPECT_THAT(names_of(experiment.axes[1]), ElementsAre("0.1", "0.01"));
  EXPECT_THAT(names_of(experiment.axes[2]), ElementsAre("0.5", "1", "2"));
  EXPECT_EQ(experiment.axes[3].name, "attack");
}

TEST(ExperimentFile, ReadsConfigurationFilesFromWhereItLies) {
  const TemporaryDirectory folder;
  fs::create_directory(folder / "defences");
  std::ofstream(folder / "defences/median.toml")
      << "mode = \"coord-median\"\nseed = 5\nthreads = 3\n";
  std::ofstream(folder / "base.toml") << "lr = 0.5\nworkers = 12\n";
  const Experiment experiment = parse_experiment(R"(
[train]
lr = 0.25
config = "base.toml"
[axes]
defence = ["defences/median.toml"]
[axes.other]
both = ["base.toml", "base.toml"]
)",
                                                 folder / "x.toml");
  EXPECT_EQ(text_of_settings(experiment.train), "lr=0.5 workers=12 lr=0.25 ")
      << "what stands in the file itself wins over files that it names";
  EXPECT_THAT(names_of(experiment.axes[0]), ElementsAre("median"));
  EXPECT_EQ(text_of_settings(experiment.axes[0].values[0].settings), "mode=coord-median ")
      << "what belongs to an invocation is not for these runs";
}

TEST(ExperimentFile, SaysWhichCellsAreMeantAndWithWhichSeeds) {
  const Experiment experiment = parse_experiment(R"(
seeds = [7, 8]
[axes]
lr = [0.1, 0.01]
momentum = [0, 0.5, 0.9]
[[exclude]]
lr = 0.10
momentum = [0.5, 0.9]
[[only]]
lr = ["0.1", 0.01]
[[replicate]]
momentum = 0
seeds = 3
)",
                                                 "x.toml");
  ASSERT_EQ(experiment.excluded.size(), 1U);
  EXPECT_TRUE(experiment.excluded[0].matches({0, 1}));
  EXPECT_TRUE(experiment.excluded[0].matches({0, 2}));
  EXPECT_FALSE(experiment.excluded[0].matches({0, 0}));
  EXPECT_FALSE(experiment.excluded[0].matches({1, 1}));
  EXPECT_THAT(experiment.seeds, ElementsAre(7, 8));
  EXPECT_THAT(experiment.other_seeds.at(0).second, ElementsAre(428, 1, 2));
  EXPECT_THAT(parse_cell_rule("momentum=0.9,0", experiment.axes).values.at(1), ElementsAre(0, 2));
}

TEST(ExperimentFile, NamesFileAndLineOfWhatItCannotTake) {
  EXPECT_THAT(said_of("\n[train]\nlearn = 3"), HasSubstr("x.toml:3: unknown option 'learn'"));
  EXPECT_THAT(said_of("[train]\nlr = [1, 2]"), HasSubstr("x.toml:2: the value of lr is a list"));
  EXPECT_THAT(said_of("[train]\nengine = \"mpi\""),
              HasSubstr("x.toml:2: engine is no option here"));
  EXPECT_THAT(said_of("[train]\nlr = 1\nLR = 2"), HasSubstr("x.toml:3: lr is given twice"));
  EXPECT_THAT(said_of("axes = 3"), HasSubstr("x.toml:1: axes is a table"));
  EXPECT_THAT(said_of("[axes]\nlr = []"), HasSubstr("x.toml:2: axis lr has no value"));
  EXPECT_THAT(said_of("[axes]\nlr = [\"fast\"]"), HasSubstr("x.toml:2: "));
  EXPECT_THAT(said_of("[axes.d]\n\n\"\" = {}"), HasSubstr("x.toml:3: '' is no name of a value"));
  EXPECT_THAT(said_of("[axes.d]\na = 3"), HasSubstr("x.toml:2: a is no bundle of options"));
  EXPECT_THAT(said_of("[axes]\nd = [\"none.toml\"]"), HasSubstr("x.toml:2: "));
  EXPECT_THAT(said_of("[axes]\nthreads = [1]"), HasSubstr("results do not depend on threads"));
  EXPECT_THAT(said_of("[axes]\nlr=[1]\nmomentum=[0]\n[axes.o]\na={ momentum = 1 }"),
              HasSubstr("momentum is set by axis momentum and by axis o (a)"));
  EXPECT_THAT(said_of("[axes]\nlr=[1]\n[[only]]\nmode=\"krum\""),
              HasSubstr("x.toml:4: unknown axis 'mode'"));
  EXPECT_THAT(said_of("[axes]\nlr=[1]\n[[only]]"), HasSubstr("names no axis"));
  EXPECT_THAT(said_of("[axes]\nlr=[1]\n[[replicate]]\nlr=1"), HasSubstr("seeds are missing"));
  EXPECT_THAT(said_of("only = 3"), HasSubstr("x.toml:1: only has no tables; valid: [[only]]"));
  EXPECT_THAT(said_of("seeds = -1"), HasSubstr("x.toml:1: seeds are a number"));
  EXPECT_THAT(said_of("axis = 1"), HasSubstr("x.toml:1: unknown key 'axis'"));
  EXPECT_THAT(said_of("[axes]\nlr=\"1..300\"\nmax-steps=\"1..300\""),
              HasSubstr("more than 65536 combinations"));
}

TEST(ExperimentFile, IsToldAllThatIsWrongWithIt) {
  EXPECT_THAT(
      said_of("nmae = 1\n[train]\nlr = []\nworkerz = 3\n[axes]\nmoode = [1]\nlr = []\n"),
      testing::AllOf(HasSubstr("x.toml:1: unknown key 'nmae'"), HasSubstr("\nx.toml:3: "),
                     HasSubstr("\nx.toml:4: unknown option 'workerz'"), HasSubstr("\nx.toml:6: "),
                     HasSubstr("\nx.toml:7: axis lr has no value")));
}

TEST(ExperimentFile, HasANameThatIsAFolderBelowOutput) {
  for (const char* name : {"../up", "/tmp/x", "a/b", ".", "..", ".hidden"}) {
    EXPECT_THAT(said_of(fmt::format("name = \"{}\"", name)),
                HasSubstr("is no name of an experiment; valid: one without /"))
        << name;
  }
  EXPECT_EQ(said_of("name = \"v1.2, Ünders\""), "taken");
}

TEST(ExperimentFile, VariesNothingThatNoKeyHas) {
  EXPECT_THAT(said_of("[axes]\nno-evaluate = [true, false]"),
              HasSubstr("x.toml:2: no-evaluate is no option here"));
  EXPECT_THAT(said_of("[axes]\noverwrite = [true]"), HasSubstr("x.toml:2: overwrite is no option"));
  EXPECT_THAT(said_of("[axes.o]\na = { learner = \"a.so\" }\nb = { learner = \"b.so\" }"),
              HasSubstr("learner is set by axis o (a); valid: in [train]"));
  EXPECT_EQ(said_of("[train]\nlearner = \"a.so\""), "taken");
}

TEST(ExperimentFile, TellsAxesApartThatDifferInCase) {
  const Experiment experiment = parse_experiment(
      "[axes.Rule]\na={lr=1}\n[axes.rule]\na={momentum=0}\n[[exclude]]\nrule=\"a\"\n", "x.toml");
  EXPECT_TRUE(experiment.excluded.at(0).values.contains(1));
  EXPECT_FALSE(experiment.excluded.at(0).values.contains(0));
}

TEST(ExperimentFile, TakesAnyBytesForAFileOrRefusesThem) {
  std::mt19937 random(1);
  const std::string valid =
      "name='x'\nseeds=[1]\n[train]\nlr=1\n[axes]\nlr=[1,2]\n[axes.d]\na={mode='krum'}\n[[only]]"
      "\nlr=1\n";
  for (int i = 0; i < 3000; ++i) {
    std::string text = valid;
    for (int changes = 0; changes < 3; ++changes)
      text[random() % text.size()] = static_cast<char>(random() % 256);
    std::istringstream said(said_of(text));
    for (std::string line; std::getline(said, line);) EXPECT_THAT(line, HasSubstr("x.toml"));
  }
}

TEST(ExperimentFile, CountsTheProgramsOwnSeedOnce) {
  EXPECT_THAT(standard_seeds(3), ElementsAre(428, 1, 2));
  const std::vector<std::uint64_t> many = standard_seeds(500);
  EXPECT_EQ(std::count(many.begin(), many.end(), 428U), 1);
  EXPECT_EQ(many.back(), 500U);
}

}  // namespace
}  // namespace detox
