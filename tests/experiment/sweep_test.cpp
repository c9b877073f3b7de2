// --sweep: lists, powers, ranges, and what is none of them.
#include "experiment/sweep.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/refusal.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::vector<std::string> values_of(const std::string& text) { return parse_sweep(text).values; }

std::string refusal_of(const std::string& text) {
  return refusal([&] { parse_sweep(text); });
}

TEST(Sweep, TakesValuesInTheirOrder) {
  const Sweep sweep = parse_sweep("lr=0.1,0.01,0.5");
  EXPECT_EQ(sweep.option, "lr");
  EXPECT_THAT(sweep.values, ElementsAre("0.1", "0.01", "0.5"));
}

TEST(Sweep, KnowsOptionsByAnyOfTheirNames) {
  EXPECT_EQ(parse_sweep("Batch_Size=8,16").option, "batch-size");
  EXPECT_EQ(parse_sweep("bucket-size=5").option, "buckets");
}

TEST(Sweep, WritesValuesAsTrainDoesAndEachOnce) {
  EXPECT_THAT(values_of("lr=0.10,1e-1,auto,0.1,0.1250"), ElementsAre("0.1", "auto", "0.125"));
  EXPECT_THAT(values_of("nesterov=true,off,0"), ElementsAre("on", "off"));
  EXPECT_THAT(values_of("vote=BYTES,digest"), ElementsAre("bytes", "digest"));
}

TEST(Sweep, HasTheOriginalsGridInOneWord) {
  EXPECT_THAT(values_of("lr=2^-10..2^-3"),
              ElementsAre("0.0009765625", "0.001953125", "0.00390625", "0.0078125", "0.015625",
                          "0.03125", "0.0625", "0.125"));
}

TEST(Sweep, TakesPowersOfAnyBase) {
  EXPECT_THAT(values_of("lr=10^-4..10^-1"), ElementsAre("0.0001", "0.001", "0.01", "0.1"));
  EXPECT_THAT(values_of("lr=10^-3,2^-3,0.5^2"), ElementsAre("0.001", "0.125", "0.25"));
  EXPECT_THAT(values_of("lr=0.5^3..0.5^1"), ElementsAre("0.125", "0.25", "0.5"));
  EXPECT_THAT(values_of("batch-size=2^3..2^6"), ElementsAre("8", "16", "32", "64"));
  EXPECT_THAT(values_of("lr=2^-10..2^-3x8"), ElementsAre("0.0009765625", "0.0078125", "0.0625"));
}

TEST(Sweep, TakesRangesWithBothEnds) {
  EXPECT_THAT(values_of("worker-fail=0..3"), ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(values_of("momentum=0..0.9+0.3"), ElementsAre("0", "0.3", "0.6", "0.9"));
  EXPECT_THAT(values_of("lr=0.001..1x10"), ElementsAre("0.001", "0.01", "0.1", "1"));
  EXPECT_THAT(values_of("lr=1e-3..1e+0x10"), ElementsAre("0.001", "0.01", "0.1", "1"));
  EXPECT_THAT(values_of("adversarial=-3..-1"), ElementsAre("-3", "-2", "-1"));
  EXPECT_THAT(values_of("workers=9..15+4"), ElementsAre("9", "13"));
  EXPECT_THAT(values_of("workers=9..9"), ElementsAre("9"));
  EXPECT_THAT(values_of("lr=0.5,2^-3..2^-1,7"), ElementsAre("0.5", "0.125", "0.25", "7"));
}

// Sums of tenths in binary end beside the tenths; whoever reads the table wants 0.3.
TEST(Sweep, GivesTheShortNumbersThatAreMeant) {
  const std::vector<std::string> values = values_of("momentum=0..10+0.1");
  ASSERT_THAT(values, SizeIs(101));
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(values[i], fmt::format("{}", static_cast<double>(i) / 10));
}

TEST(Sweep, KeepsPowersExact) {
  EXPECT_THAT(values_of("lr=2^-20..1x2").front(), "9.5367431640625e-07");
  EXPECT_THAT(values_of("lr=2^-20..1x2").back(), "1");
  EXPECT_THAT(values_of("lr=2^-20..1x2"), SizeIs(21));
}

TEST(Sweep, TakesValuesWithCommasInBrackets) {
  EXPECT_THAT(values_of("pre=none,nnm,[nnm,bucketing:s=2]"),
              ElementsAre("none", "nnm", "nnm,bucketing:s=2"));
  EXPECT_THAT(values_of("pre=[nnm,arc]"), ElementsAre("nnm,arc"));
  EXPECT_THAT(values_of("absent=[3:10-20,7:1-5],none"), ElementsAre("3:10-20,7:1-5", "none"));
  EXPECT_THAT(values_of("network=[a[1],b]"), ElementsAre("a[1],b"));
}

TEST(Sweep, LeavesWordsThatLookLikeRangesToOptionsOfWords) {
  EXPECT_THAT(values_of("network=../models/a^2..b.pt,LeNet"),
              ElementsAre("../models/a^2..b.pt", "LeNet"));
}

TEST(Sweep, RefusesWhatIsNoneInOneLineThatNamesIt) {
  for (const std::string text : {"",
                                 "=",
                                 "lr",
                                 "lr=",
                                 "=0.1",
                                 "lr=,",
                                 "lr=0.1,",
                                 "lr=0.1,,0.2",
                                 "lr=abc",
                                 "lr=nan",
                                 "lr=inf",
                                 "lr=1..",
                                 "lr=..1",
                                 "lr=..",
                                 "lr=1...",
                                 "lr=2..1",
                                 "lr=2^-3..2^-10",
                                 "lr=2^",
                                 "lr=2^x",
                                 "lr=2^1.5",
                                 "lr=^2",
                                 "lr=-2^3",
                                 "lr=0^3",
                                 "lr=2^99999999999",
                                 "lr=10^400",
                                 "lr=10^-400",
                                 "lr=2^5000",
                                 "lr=0.1..0.5",
                                 "lr=2^-3..3^-1",
                                 "lr=1..2+0",
                                 "lr=1..2+-1",
                                 "lr=1..2x1",
                                 "lr=1..2x",
                                 "lr=1..2+",
                                 "lr=0..1x2",
                                 "lr=1..2*3",
                                 "lr=1..2+1+1",
                                 "lr=1..2+nan",
                                 "lr=1..2xinf",
                                 "lr=2^-3y",
                                 "lr=2^-3y..1",
                                 "pre=[nnm",
                                 "pre=nnm]",
                                 "pre=[]",
                                 "pre=][",
                                 "batch-size=0.5",
                                 "batch-size=-1",
                                 "batch-size=0..1+0.5",
                                 "nesterov=perhaps",
                                 "vote=hands",
                                 "lr=0.1\n0.2",
                                 "pre=\x01",
                                 "pre=\xff\xfe"}) {
    const std::string message = refusal_of(text);
    EXPECT_THAT(message, testing::StartsWith("--sweep ")) << text;
    EXPECT_EQ(message.find('\n'), std::string::npos) << text;
    EXPECT_LT(message.size(), 500U) << text;
  }
}

TEST(Sweep, AnswersAnUnknownOptionWithTheNearest) {
  EXPECT_THAT(refusal_of("momentun=0.9"), HasSubstr("did you mean momentum?"));
}

TEST(Sweep, RefusesOptionsThatResultsDoNotDependOn) {
  for (const std::string name :
       {"train-dir", "threads", "resume", "eval-freq", "engine", "data-dir"})
    EXPECT_THAT(refusal_of(name + "=1,2"), HasSubstr("results do not depend on " + name));
}

TEST(Sweep, RefusesSeedsWhichAreReplicates) {
  EXPECT_THAT(refusal_of("seed=1..3"),
              testing::AllOf(HasSubstr("replicates"), HasSubstr("detoxml compare --seeds N")));
}

TEST(Sweep, RefusesMoreValuesThanAnybodyCanMean) {
  EXPECT_THAT(refusal_of("max-steps=1..1000000000000"), HasSubstr("too many values"));
  EXPECT_THAT(refusal_of("lr=0..1+1e-300"), HasSubstr("too many values"));
  EXPECT_THAT(refusal_of("max-steps=1..600,1001..1600"), HasSubstr("too many values"));
  EXPECT_THAT(values_of("max-steps=1..1000"), SizeIs(kMostValues));
  EXPECT_THAT(refusal([] {
                parse_sweeps({"max-steps=1..1000", "lr=0.1..0.5+0.1"});
              }),
              HasSubstr("more than 4096 runs"));
}

TEST(Sweep, RefusesAnOptionThatIsSweptTwice) {
  EXPECT_THAT(refusal([] {
                parse_sweeps({"lr=0.1", "momentum=0", "LR=0.2"});
              }),
              HasSubstr("lr is swept twice"));
}

TEST(Sweep, SurvivesAnyBytes) {
  std::uint32_t state = 1;
  const std::string alphabet = "lr=2^-10..x+,[]e9 \n\xff";
  for (int i = 0; i < 20000; ++i) {
    std::string text = i % 2 == 0 ? "lr=" : "";
    for (int j = 0; j < 12; ++j) {
      state = state * 1664525U + 1013904223U;
      text += alphabet[(state >> 16U) % alphabet.size()];
    }
    try {
      EXPECT_FALSE(parse_sweep(text).values.empty()) << text;
    } catch (const UsageError&) {
    }
  }
}

}  // namespace
}  // namespace detox
