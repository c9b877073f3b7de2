// What users of the original and of other tools write.
#include "config/foreign_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/mistakes.hpp"
#include "base/names.hpp"
#include "config/foreign_values.hpp"
#include "config/options.hpp"
#include "config/plan.hpp"
#include "config/refusal.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ForeignOptions, AreNoOptionsHereAndEachIsThereOnce) {
  std::set<std::string> names;
  for (const Option& option : train_options()) {
    names.insert(canonical_name(option.name));
    names.insert(canonical_name(option.alias));
  }
  for (const ForeignOption& option : foreign_options()) {
    EXPECT_TRUE(names.insert(canonical_name(option.name)).second) << option.name;
    EXPECT_FALSE(option.answer.empty()) << option.name;
  }
}

TEST(ForeignOptions, SayWhatToWriteAndThatExists) {
  EXPECT_EQ(refusal([] { find_option("learning_rate"); }),
            "no option 'learning_rate' here: write --lr");
  for (const ForeignOption& option : foreign_options()) {
    EXPECT_NE(refusal([&] { find_option(option.name); }), "") << option.name;
    constexpr std::string_view kWrite = "write --";
    if (!option.answer.starts_with(kWrite)) continue;
    const std::string_view rest = option.answer.substr(kWrite.size());
    const std::string name(rest.substr(0, rest.find_first_of(" ,;")));
    EXPECT_EQ(refusal([&] { find_option(name); }), "") << option.name;
  }
}

TEST(ForeignOptions, AreTakenWhereTheyAskForWhatIsSoInAnyCase) {
  EXPECT_TRUE(is_needless(*find_foreign_option("no-cuda"), ""));
  EXPECT_TRUE(is_needless(*find_foreign_option("device"), "CPU"));
  EXPECT_TRUE(is_needless(*find_foreign_option("enable-gpu"), "False"));
  EXPECT_FALSE(is_needless(*find_foreign_option("device"), "cuda:0"));
  EXPECT_FALSE(is_needless(*find_foreign_option("gpu"), ""));
  EXPECT_FALSE(is_needless(*find_foreign_option("learning-rate"), "0.1"));
  EXPECT_EQ(find_foreign_option("lr"), nullptr);
}

struct Taken {
  RunConfig config;
  std::string mistakes;
};

Taken taken(RunConfig config, bool bucket_size = false) {
  Mistakes mistakes;
  take_foreign_values(config, bucket_size, mistakes);
  return {config, mistakes.text()};
}

TEST(ForeignValues, OfTheVoteBelongToTheApproach) {
  RunConfig config;
  config.mode = "maj_vote";
  EXPECT_THAT(taken(config).mistakes, HasSubstr("write --approach maj_vote"));
  config.approach = "Maj-Vote";
  const Taken vote = taken(config);
  EXPECT_EQ(vote.mistakes, "");
  EXPECT_EQ(vote.config.remarks.size(), 1U);
  EXPECT_EQ(resolve(vote.config, 0).mode, "normal");
  config.approach = "cyclic";
  EXPECT_THAT(taken(config).mistakes, HasSubstr("DRACO's cyclic code is not here"));
}

TEST(ForeignValues, OfBucketsCountForDetoxAlone) {
  RunConfig config;
  config.buckets = 5;
  EXPECT_THAT(taken(config, true).config.remarks,
              ElementsAre("--bucket-size 5 is the number of buckets (--buckets)"));
  EXPECT_EQ(taken(config, true).config.buckets, 5U);
  for (const char* approach : {"baseline", "maj_vote"}) {
    config.approach = approach;
    EXPECT_THAT(taken(config, true).config.remarks,
                ElementsAre(HasSubstr("without effect: --bucket-size 5")));
    EXPECT_EQ(taken(config, true).config.buckets, 0U);
    EXPECT_THAT(taken(config).config.remarks, IsEmpty());
    EXPECT_EQ(taken(config).config.buckets, 5U);
  }
}

TEST(ForeignValues, OfNetworkAndCheckpointAreTaken) {
  RunConfig config;
  config.network = "DenseNet";
  config.checkpoint_step = 0;
  const Taken both = taken(config);
  EXPECT_EQ(both.config.network, "DenseNet121");
  EXPECT_FALSE(both.config.checkpoint_step);
  EXPECT_EQ(both.config.remarks.size(), 2U);
  config.network = "LeNet";
  config.checkpoint_step = 20;
  EXPECT_EQ(taken(config).config.checkpoint_step, 20U);
  EXPECT_THAT(taken(config).config.remarks, IsEmpty());
}

}  // namespace
}  // namespace detox
