// The registry, and the attacks that are one line of arithmetic.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <string>

#include "detox/errors.hpp"
#include "stages/attack/attack_scene.hpp"

namespace detox {
namespace {

const std::set<std::string_view> kNeedAllSlices = {"alie",  "alie_opt", "ipm",    "ipm_opt",
                                                   "mimic", "min_max",  "min_sum"};
const std::set<std::string_view> kNeedNothing = {"constant", "infinity", "nan"};

AttackOptions with_adversarial(double c) {
  AttackOptions options;
  options.adversarial = c;
  return options;
}

TEST(Attacks, AreSortedAndUniqueAndFoundByTheirName) {
  const auto all = attacks();
  ASSERT_FALSE(all.empty());
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_LT(all[i - 1].name, all[i].name);
  for (const AttackInfo& info : all) {
    EXPECT_EQ(find_attack(info.name).name, info.name);
    EXPECT_FALSE(info.summary.empty());
  }
  EXPECT_EQ(find_attack("Rev-Grad").name, "rev_grad");
}

TEST(Attacks, AnswerAnUnknownNameWithTheValidOnesAndTheNearest) {
  try {
    find_attack("rev_gard");
    FAIL() << "was accepted";
  } catch (const UsageError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("did you mean rev_grad"), std::string::npos) << text;
    for (const AttackInfo& info : attacks())
      EXPECT_NE(text.find(info.name), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(error.exit_code(), 2);
  }
}

TEST(Attacks, NeedOnlyWhatTheySay) {
  for (const AttackInfo& info : attacks()) {
    const auto attack = info.make({});
    const bool needs_all = kNeedAllSlices.contains(info.name);
    EXPECT_EQ(attack->needs_all_slices(), needs_all) << info.name;
    EXPECT_EQ(attack->same_in_every_slice(), needs_all || kNeedNothing.contains(info.name))
        << info.name;
    EXPECT_EQ(attack->flips_labels(), info.name == "label_flip") << info.name;
    EXPECT_EQ(attack->probes_defence(), info.name.ends_with("_opt")) << info.name;
  }
}

TEST(Attacks, AreTheSameInEverySliceWhereTheySaySoAndOnlyThere) {
  AttackScene scene{honest_rows(5, 1000)};
  for (const AttackInfo& info : attacks()) {
    scene.slice = 0;
    const Values first = scene.run(info.name, {});
    scene.slice = 1;
    const Values second = scene.run(info.name, {});
    const bool same = std::memcmp(first.data(), second.data(), first.size() * sizeof(float)) == 0;
    EXPECT_EQ(same, info.make({})->same_in_every_slice()) << info.name;
  }
}

TEST(Attacks, GiveColludersOfOneSliceIdenticalBytesOnAnyNumberOfThreads) {
  const AttackScene scene{honest_rows(5, 70001)};
  for (const AttackInfo& info : attacks()) {
    const Values first = scene.run(info.name, {});
    for (const std::size_t threads : {1U, 2U, 5U}) {
      const Values again = scene.run(info.name, {}, threads);
      EXPECT_EQ(std::memcmp(first.data(), again.data(), first.size() * sizeof(float)), 0)
          << info.name << " on " << threads << " threads";
    }
  }
}

TEST(RevGrad, IsCTimesTheHonestGradient) {
  AttackScene scene{honest_rows(3, 1003)};
  scene.slice = 2;
  for (const double c : {-100.0, -1.0, 0.5}) {
    const Values out = scene.run("rev_grad", with_adversarial(c));
    for (std::size_t i = 0; i < out.size(); ++i)
      ASSERT_EQ(out[i], static_cast<float>(c) * scene.honest[2][i]);
  }
}

TEST(RevGrad, KeepsNanAndInfinityOfAnHonestOverflow) {
  AttackScene scene{{Values{std::numeric_limits<float>::infinity(), 1.0F}}};
  scene.honest[0][1] = std::numeric_limits<float>::quiet_NaN();
  const Values out = scene.run("rev_grad", with_adversarial(-100));
  EXPECT_EQ(out[0], -std::numeric_limits<float>::infinity());
  EXPECT_NE(out[1], out[1]);
}

TEST(Constant, IsCInEveryCoordinate) {
  const AttackScene scene{honest_rows(1, 517)};
  EXPECT_EQ(scene.run("constant", with_adversarial(-100)), Values(517, -100.0F));
  EXPECT_EQ(scene.run("constant", with_adversarial(0.25)), Values(517, 0.25F));
}

TEST(SignFlip, IsTheHonestGradientWithTheOtherSign) {
  AttackScene scene{honest_rows(3, 517)};
  scene.slice = 1;
  const Values out = scene.run("sign_flip", {});
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], -scene.honest[1][i]);
}

TEST(Mimic, IsTheHonestGradientOfTheSliceThatIsNamed) {
  AttackScene scene{honest_rows(3, 517)};
  for (std::size_t named = 0; named < 3; ++named)
    EXPECT_EQ(scene.run("mimic", with_adversarial(static_cast<double>(named))),
              scene.honest[named]);
}

TEST(NotFinite, IsInEveryCoordinate) {
  const AttackScene scene{honest_rows(1, 517)};
  EXPECT_EQ(scene.run("infinity", {}), Values(517, std::numeric_limits<float>::infinity()));
  for (const float value : scene.run("nan", {})) EXPECT_NE(value, value);
}

TEST(LabelFlip, IsTheGradientThatItWasGivenForTheOtherLabels) {
  const AttackScene scene{honest_rows(3, 517)};
  EXPECT_EQ(scene.run("label_flip", {}), scene.honest[0]);
}

TEST(Ipm, IsCTimesTheMeanOfAllHonestGradients) {
  const AttackScene scene{honest_rows(5, 2500)};
  for (const double c : {-2.0, -0.1, 3.0}) {
    const Values out = scene.run("ipm", with_adversarial(c));
    for (std::size_t i = 0; i < out.size(); ++i) {
      double sum = 0;
      for (const Values& row : scene.honest) sum += static_cast<double>(row[i]);
      ASSERT_NEAR(static_cast<double>(out[i]), c * sum / 5, 1e-6);
    }
  }
}

TEST(Gaussian, IsRandomWithDeviationOne) {
  const AttackScene scene{honest_rows(1, 1000)};
  EXPECT_EQ(find_attack("gaussian").parameter->standard, 1.0);
  EXPECT_EQ(scene.run("gaussian", with_adversarial(1)), scene.run("random", with_adversarial(1)));
}

TEST(NoAttack, SendsWhatAnHonestWorkerSends) {
  AttackScene scene{honest_rows(3, 517)};
  scene.slice = 1;
  EXPECT_EQ(scene.run("none", {}), scene.honest[1]);
}

}  // namespace
}  // namespace detox
