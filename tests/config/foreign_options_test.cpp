// What users of the original and of other tools write.
#include "config/foreign_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/mistakes.hpp"
#include "base/names.hpp"
#include "config/foreign_values.hpp"
#include "config/options.hpp"
#include "config/plan.hpp"
#include "config/refusal.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

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

/// What is made of these settings of a command line.
Taken taken(const std::vector<Setting>& given) {
  RunConfig config;
  for (const Setting& setting : given) {
    if (!is_foreign_value(setting)) apply_setting(setting, config);
  }
  Mistakes mistakes;
  take_foreign_values(given, config, mistakes);
  return {config, mistakes.text()};
}

TEST(ForeignValues, OfTheVoteBelongToTheApproach) {
  const Setting mode{"mode", "maj_vote"};
  EXPECT_THAT(taken({mode}).mistakes, HasSubstr("write --approach maj_vote"));
  const Taken vote = taken({mode, {"approach", "Maj-Vote"}});
  EXPECT_EQ(vote.mistakes, "");
  EXPECT_EQ(vote.config.remarks.size(), 1U);
  EXPECT_EQ(resolve(vote.config, 0).mode, "normal");
}

TEST(ForeignValues, OfTheApproachAreAnsweredWithWhatToWrite) {
  const Setting mode{"mode", "maj_vote"};
  EXPECT_EQ(taken({mode, {"approach", "Cyclic"}}).mistakes,
            "--approach cyclic: DRACO's cyclic code is not here, and the original's program ran "
            "nothing for it; write --approach maj_vote, DRACO's other code");
  EXPECT_EQ(taken({{"approach", "normal"}}).mistakes,
            "--approach normal: write --approach baseline --mode normal");
  const Taken draco = taken({mode, {"approach", "maj_vote"}, {"approach", "DRACO"}});
  EXPECT_THAT(draco.mistakes, StartsWith("--mode maj_vote: the vote belongs to the approach"));
  EXPECT_THAT(draco.mistakes, EndsWith("\n--approach draco: write --approach maj_vote"));
}

TEST(ForeignValues, ThatALaterOneTakesThePlaceOfAreNoMistakes) {
  const Taken later = taken({{"approach", "draco"}, {"approach", "baseline"}});
  EXPECT_EQ(later.mistakes, "");
  EXPECT_EQ(later.config.approach, Approach::kBaseline);
}

TEST(ForeignValues, OfBucketsCountForDetoxAlone) {
  const Setting buckets{"buckets", "5"}, bucket_size{"buckets", "5", "bucket-size"};
  const Taken detox = taken({bucket_size});
  EXPECT_THAT(detox.config.remarks,
              ElementsAre("--bucket-size 5 is the number of buckets (--buckets)"));
  EXPECT_EQ(detox.config.buckets, 5U);
  for (const char* name : {"baseline", "maj_vote"}) {
    const Setting approach{"approach", name};
    EXPECT_THAT(taken({approach, bucket_size}).config.remarks,
                ElementsAre(HasSubstr("without effect: --bucket-size 5")));
    EXPECT_EQ(taken({approach, bucket_size}).config.buckets, 0U);
    EXPECT_THAT(taken({approach, buckets}).config.remarks, IsEmpty());
    EXPECT_EQ(taken({approach, buckets}).config.buckets, 5U);
  }
}

TEST(ForeignValues, OfBucketsDoNothingForRulesThatHadNoneThere) {
  const Setting bucket_size{"buckets", "5", "bucket-size"};
  const Taken bulyan = taken({bucket_size, {"mode", "Bulyan"}});
  EXPECT_EQ(bulyan.config.buckets, 0U);
  EXPECT_THAT(bulyan.config.remarks, ElementsAre(HasSubstr("without effect: --bucket-size 5")));
  const Taken krum = taken({bucket_size, {"mode", "multi_krum"}});
  EXPECT_EQ(krum.config.buckets, 0U);
  EXPECT_THAT(krum.config.remarks,
              ElementsAre(HasSubstr("--inner-mode multi-krum --buckets 2 --mode normal")));
  EXPECT_EQ(taken({{"buckets", "5"}, {"mode", "bulyan"}}).config.buckets, 5U);
  EXPECT_EQ(taken({bucket_size, {"mode", "coord-median"}}).config.buckets, 5U);
}

TEST(ForeignValues, OfNetworkAndCheckpointAreTaken) {
  const Taken both = taken({{"network", "DenseNet"}, {"checkpoint-step", "0"}});
  EXPECT_EQ(both.config.network, "DenseNet121");
  EXPECT_FALSE(both.config.checkpoint_step);
  EXPECT_EQ(both.config.remarks.size(), 2U);
  const Taken neither = taken({{"network", "LeNet"}, {"checkpoint-step", "20"}});
  EXPECT_EQ(neither.config.checkpoint_step, 20U);
  EXPECT_THAT(neither.config.remarks, IsEmpty());
}

}  // namespace
}  // namespace detox
