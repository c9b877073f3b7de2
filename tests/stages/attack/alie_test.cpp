#include "stages/attack/alie.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "stages/attack/attack_scene.hpp"

namespace detox {
namespace {

struct Moments {
  long double mean = 0, deviation = 0;
};

/// Mean and deviation of one coordinate, in two passes.
Moments moments_of(const std::vector<Values>& rows, std::size_t coordinate, std::size_t ddof) {
  Moments moments;
  for (const Values& row : rows) moments.mean += row[coordinate];
  moments.mean /= static_cast<long double>(rows.size());
  long double squares = 0;
  for (const Values& row : rows) {
    const long double difference = row[coordinate] - moments.mean;
    squares += difference * difference;
  }
  moments.deviation = std::sqrt(squares / static_cast<long double>(rows.size() - ddof));
  return moments;
}

AttackOptions with_z(std::optional<double> z, double sign = -1) {
  AttackOptions options;
  options.alie_z = z;
  options.alie_sign = sign;
  return options;
}

void expect_mean_plus(const AttackScene& scene, const Values& out, long double z,
                      std::size_t ddof = 1) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const Moments moments = moments_of(scene.honest, i, ddof);
    const long double expected = moments.mean + z * moments.deviation;
    // One rounding to float32, and double arithmetic before it.
    const long double unit = std::abs(expected) * 0x1p-24L + moments.deviation * 1e-12L;
    ASSERT_NEAR(out[i], static_cast<double>(expected), static_cast<double>(unit)) << i;
  }
}

TEST(Alie, IsTheMeanAndZDeviationsOfTheHonestValues) {
  for (const std::size_t n : {2U, 3U, 15U, 45U}) {
    for (const std::size_t d : {1U, 17U, 1024U, 2500U}) {
      const AttackScene scene{honest_rows(n, d)};
      expect_mean_plus(scene, scene.run("alie", with_z(1.0)), -1.0L);
      expect_mean_plus(scene, scene.run("alie", with_z(1.5, 1)), 1.5L);
    }
  }
}

TEST(Alie, IsThatOfTheOriginalWithItsSignAndItsDdof) {
  AttackOptions options = with_z(1.0, 1);
  options.alie_ddof = 0;
  for (const std::size_t n : {2U, 3U, 15U, 45U}) {
    const AttackScene scene{honest_rows(n, 1500)};
    expect_mean_plus(scene, scene.run("alie", options), 1.0L, 0);
  }
  // numpy: r = [1, 2, 4, 9]; numpy.mean(r) + numpy.std(r)
  AttackScene scene{{{1.0F}, {2.0F}, {4.0F}, {9.0F}}};
  EXPECT_FLOAT_EQ(scene.run("alie", options)[0], 7.082207001484488F);
  const AttackScene alone{honest_rows(1, 100)};
  EXPECT_EQ(alone.run("alie", options), alone.honest[0]);
}

TEST(Alie, KeepsTheDeviationBesideALargeCommonOffset) {
  // The float32 spacing at 4096 is 2^-11; sums of squares in one pass would lose the deviation.
  AttackScene scene{honest_rows(15, 1000, 4096.0F, 0.125F)};
  expect_mean_plus(scene, scene.run("alie", with_z(1.0)), -1.0L);
  scene.honest = honest_rows(15, 1000, 1e30F, 1e24F);
  expect_mean_plus(scene, scene.run("alie", with_z(1.0)), -1.0L);
}

TEST(Alie, SendsTheSameFromEverySliceBecauseAllColludersKnowAll) {
  AttackScene scene{honest_rows(5, 333)};
  const Values first = scene.run("alie", with_z(1.0));
  scene.slice = 4;
  EXPECT_EQ(scene.run("alie", with_z(1.0)), first);
}

TEST(Alie, SendsTheMeanWhereThereIsOneHonestRow) {
  const AttackScene scene{honest_rows(1, 100)};
  EXPECT_EQ(scene.run("alie", with_z(1.0)), scene.honest[0]);
  AttackScene alone{honest_rows(1, 100)};
  alone.rows = 1;
  alone.corrupted = 0;
  EXPECT_EQ(alone.run("alie", with_z(std::nullopt)), alone.honest[0]);
}

TEST(Alie, UsesTheAutomaticZOfTheRowsThatReachTheRule) {
  AttackScene scene{honest_rows(15, 400)};
  for (const auto& [n, m] : {std::pair{15U, 2U}, {15U, 0U}, {5U, 2U}, {5U, 5U}}) {
    scene.rows = n;
    scene.corrupted = m;
    expect_mean_plus(scene, scene.run("alie", with_z(std::nullopt)), -alie_auto_z(n, m));
  }
}

TEST(AlieAutoZ, IsTheQuantileOfThePaper) {
  // python3 -c "from scipy.stats import norm
  // for n, m in [(45,5), (15,2), (15,1), (9,2), (9,0), (5,2), (25,5), (50,12)]:
  //     s = n // 2 + 1 - m; print(n, m, repr(norm.ppf((n - m - s) / (n - m))))"
  EXPECT_NEAR(alie_auto_z(45, 5), 0.12566134685507416, 1e-14);
  EXPECT_NEAR(alie_auto_z(15, 2), 0.09655861528963908, 1e-14);
  EXPECT_NEAR(alie_auto_z(15, 1), 0.0, 1e-15);
  EXPECT_NEAR(alie_auto_z(9, 2), 0.18001236979270496, 1e-14);
  EXPECT_NEAR(alie_auto_z(9, 0), -0.13971029888186212, 1e-14);
  EXPECT_NEAR(alie_auto_z(5, 2), 0.43072729929545744, 1e-14);
  EXPECT_NEAR(alie_auto_z(25, 5), 0.2533471031357997, 1e-14);
  EXPECT_NEAR(alie_auto_z(50, 12), 0.33603814037182306, 1e-14);
}

TEST(AlieAutoZ, IsFiniteWhereTheAttackersOwnAMajorityOrNeedEveryHonestRow) {
  // norm.ppf(1 - 1 / (2 * (n - m)))
  EXPECT_NEAR(alie_auto_z(5, 3), 0.6744897501960817, 1e-14);
  EXPECT_NEAR(alie_auto_z(8, 5), 0.967421566101701, 1e-14);
  EXPECT_NEAR(alie_auto_z(8, 4), 0.6744897501960817, 1e-14);  // three of four honest rows
  EXPECT_EQ(alie_auto_z(1, 0), 0.0);
  EXPECT_EQ(alie_auto_z(5, 5), 0.0);
  EXPECT_EQ(alie_auto_z(5, 9), 0.0);
  for (std::size_t n = 1; n <= 60; ++n) {
    for (std::size_t m = 0; m <= n; ++m) EXPECT_TRUE(std::isfinite(alie_auto_z(n, m)));
  }
}

TEST(AlieAutoZ, GrowsWithTheAttackersUntilTheyOwnTheMajority) {
  for (std::size_t m = 1; m <= 22; ++m) EXPECT_GE(alie_auto_z(45, m), alie_auto_z(45, m - 1));
}

}  // namespace
}  // namespace detox
