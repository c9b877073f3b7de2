#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "stages/attack/attack_scene.hpp"

namespace detox {
namespace {

TEST(RandomAttack, IsGaussianOfMeanZeroAndTheDeviationAsked) {
  constexpr std::size_t kDraws = 200000;
  const AttackScene scene{{Values(kDraws)}};
  const Values noise = scene.run("random", {});  // c = -100: the deviation is |c|
  double sum = 0, squares = 0, fourths = 0, within_one = 0;
  for (const float value : noise) {
    const double x = static_cast<double>(value) / 100;
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
    within_one += std::abs(x) < 1 ? 1 : 0;
  }
  const double n = kDraws;
  // Four standard errors of each moment of N(0, 1).
  EXPECT_NEAR(sum / n, 0, 4 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 4 * std::sqrt(2 / n));
  EXPECT_NEAR(fourths / n, 3, 4 * std::sqrt(96 / n));
  EXPECT_NEAR(within_one / n, 0.6826895, 4 * std::sqrt(0.6826895 * 0.3173105 / n));
}

TEST(RandomAttack, DrawsAnewForEachStepSliceAndKey) {
  AttackScene scene{{Values(1000), Values(1000)}};
  const Values first = scene.run("random", {});
  EXPECT_EQ(scene.run("random", {}), first);
  scene.step = 2;
  EXPECT_NE(scene.run("random", {}), first);
  scene.step = 1;
  scene.slice = 1;
  EXPECT_NE(scene.run("random", {}), first);
  scene.slice = 0;
  scene.seed = 429;
  EXPECT_NE(scene.run("random", {}), first);
}

TEST(RandomAttack, DoesNotRepeatItselfWithinAVector) {
  const AttackScene scene{{Values(200000)}};
  const Values noise = scene.run("random", {});
  const auto block = noise.begin() + (1 << 16);
  EXPECT_FALSE(std::equal(noise.begin(), noise.begin() + 1000, block));
}

}  // namespace
}  // namespace detox
