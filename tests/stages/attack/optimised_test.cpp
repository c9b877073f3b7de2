// ALIE and IPM with a searched factor, against a defence written here and every factor tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "stages/attack/attack_scene.hpp"
#include "stages/attack/line_search.hpp"

namespace detox {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<double> visited(const std::function<double(double)>& harm) {
  std::vector<double> places;
  line_maximum([&](double x) {
    places.push_back(x);
    return harm(x);
  });
  return places;
}

void expect_begins_with(const std::vector<double>& places, const std::vector<double>& expected) {
  EXPECT_EQ(places.size(), 20U);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(places[i], expected[i], 1e-9) << i;
}

TEST(LineMaximum, DoublesItsStepWhileItGainsAndThenOnlyShrinks) {
  // By hand, as ByzFL's LineMaximize steps with delta = 10, ratio = 0.8 and evals = 20.
  expect_begins_with(visited([](double x) { return x; }), {0, 10, 30, 70, 150, 310});
  expect_begins_with(visited([](double x) { return -x; }), {0, 10, 2, 0.4, 0.08});
  // 70 does not gain over 30: steps of 32, 25.6, 20.48, 16.384 …
  expect_begins_with(visited([](double x) { return -std::abs(x - 40); }),
                     {0, 10, 30, 70, 38, 12.4, 32.88, 49.264});
}

TEST(LineMaximum, ComesCloseToASinglePeak) {
  for (const double peak : {0.0, 0.3, 1.5, 9.0, 42.0, 1000.0}) {
    const double found = line_maximum([&](double x) { return -std::abs(x - peak); });
    EXPECT_NEAR(found, peak, 0.05 + 0.1 * peak);
  }
}

TEST(LineMaximum, StaysAtZeroWhereNothingIsGained) {
  EXPECT_EQ(line_maximum([](double) { return 1.0; }), 0);
  EXPECT_EQ(line_maximum([](double) { return -std::numeric_limits<double>::infinity(); }), 0);
}

/// What is sent for tau, (d), from the gradients of these slices.
using Sent = std::vector<double>;
Sent sent(std::string_view attack, const std::vector<Values>& others, double tau) {
  const auto n = static_cast<double>(others.size());
  Sent vector;
  for (std::size_t c = 0; c < others[0].size(); ++c) {
    double mean = 0, squares = 0;
    for (const Values& row : others) mean += static_cast<double>(row[c]) / n;
    for (const Values& row : others) squares += std::pow(static_cast<double>(row[c]) - mean, 2);
    vector.push_back(attack == "ipm_opt" ? -tau * mean : mean - tau * std::sqrt(squares / (n - 1)));
  }
  return vector;
}

std::vector<Values> without_owned(const AttackScene& scene) {
  std::vector<Values> others;
  for (std::uint32_t slice = 0; slice < scene.honest.size(); ++slice) {
    if (std::ranges::find(scene.owned, slice) == scene.owned.end())
      others.push_back(scene.honest[slice]);
  }
  return others;
}

/// |median of the others and m copies of `lie` - mean of the others|, or of the mean that drops the
/// m lowest and highest.
double harm_to(bool trimmed, const std::vector<Values>& others, std::size_t m, const Sent& lie) {
  double squares = 0;
  for (std::size_t c = 0; c < lie.size(); ++c) {
    std::vector<double> column(m, static_cast<double>(static_cast<float>(lie[c])));
    double mean = 0;
    for (const Values& row : others) {
      column.push_back(static_cast<double>(row[c]));
      mean += column.back() / static_cast<double>(others.size());
    }
    std::ranges::sort(column);
    const std::size_t n = column.size(), drop = trimmed ? m : (n - 1) / 2;
    double kept = 0;
    for (std::size_t i = drop; i < n - drop; ++i) kept += column[i];
    squares += std::pow(kept / static_cast<double>(n - 2 * drop) - mean, 2);
  }
  return std::sqrt(squares);
}

/// The factor that the attack has chosen, from what it sends.
double chosen(std::string_view attack, const std::vector<Values>& others, const Values& out) {
  std::size_t at = 0;
  const Sent zero = sent(attack, others, 0), one = sent(attack, others, 1);
  for (std::size_t c = 0; c < out.size(); ++c) {
    if (std::abs(one[c] - zero[c]) > std::abs(one[at] - zero[at])) at = c;
  }
  return (static_cast<double>(out[at]) - zero[at]) / (one[at] - zero[at]);
}

/// The scene's defence: a rule of the library that is compared with harm_to.
void defend_by(AttackScene& scene, std::string_view rule, ThreadPool& pool, Workspace& workspace) {
  RuleOptions options;
  options.f = scene.owned.size();
  scene.defence = [&, shared = std::shared_ptr(make_aggregator(rule, options))](
                      const Rows<float>& rows, std::span<float> out) {
    AggregationContext context{pool, workspace, 1};
    shared->aggregate(rows, out, context);
    return true;
  };
}

TEST(OptimisedAttacks, DoAsMuchHarmAsTheBestOfAllFactors) {
  ThreadPool pool(1);
  Workspace workspace;
  for (const std::size_t d : {1UL, 60UL}) {
    for (const std::uint32_t m : {1U, 3U, 6U}) {
      AttackScene scene{honest_rows(15, d, 0.5F, 0.5F)};
      scene.owned.clear();
      for (std::uint32_t i = 0; i < m; ++i) scene.owned.push_back(2 * i + 1);
      const std::vector<Values> others = without_owned(scene);
      for (const bool trimmed : {false, true}) {
        defend_by(scene, trimmed ? "trimmed-mean" : "coord-median", pool, workspace);
        for (const char* attack : {"alie_opt", "ipm_opt"}) {
          SCOPED_TRACE(testing::Message() << attack << ", d = " << d << ", m = " << m);
          const double tau = chosen(attack, others, scene.run(attack, {}));
          double most = 0;
          for (int hundredths = 0; hundredths < 10000; ++hundredths)
            most = std::max(most,
                            harm_to(trimmed, others, m, sent(attack, others, hundredths / 100.0)));
          EXPECT_GE(harm_to(trimmed, others, m, sent(attack, others, tau)), most * (1 - 1e-3));
        }
      }
    }
  }
}

TEST(OptimisedAttacks, MoveTheMedianAtLeastAsFarAsThePlainOnes) {
  for (const std::uint32_t m : {1U, 4U, 7U}) {
    AttackScene scene{honest_rows(15, 300, 0.1F)};
    scene.owned.clear();
    for (std::uint32_t i = 0; i < m; ++i) scene.owned.push_back(i);
    const std::vector<Values> others = without_owned(scene);
    const AttackScene plain{others};
    const auto harm = [&](const Values& out) {
      return harm_to(false, others, m, {out.begin(), out.end()});
    };
    AttackOptions options;
    for (const double factor : {0.1, 0.5, 1.0, 1.5, 2.0}) {
      options.alie_z = factor;
      options.adversarial = -factor;
      EXPECT_GE(harm(scene.run("alie_opt", {})), harm(plain.run("alie", options)) * (1 - 1e-6));
      EXPECT_GE(harm(scene.run("ipm_opt", {})), harm(plain.run("ipm", options)) * (1 - 1e-6));
    }
  }
}

TEST(OptimisedAttacks, PutTheirVectorInThePlacesOfTheSlicesTheyOwnAndAskTwentyTimes) {
  AttackScene scene{honest_rows(7, 40)};
  scene.owned = {2, 5};
  std::size_t asked = 0;
  scene.defence = [&](const Rows<float>& rows, std::span<float> out) {
    ++asked;
    EXPECT_EQ(rows.n(), 7U);
    for (std::size_t slice = 0; slice < 7; ++slice) {
      EXPECT_EQ(rows.row[slice] == scene.honest[slice].data(), slice != 2 && slice != 5);
    }
    EXPECT_EQ(rows.row[2], rows.row[5]);
    std::ranges::fill(out, 0.0F);
    return true;
  };
  scene.run("alie_opt", {});
  EXPECT_EQ(asked, 20U);
}

TEST(OptimisedAttacks, NeverChooseAFactorThatTheDefenceRefusesOrThatMakesItNotFinite) {
  AttackScene scene{honest_rows(7, 40)};
  const std::vector<Values> others = without_owned(scene);
  for (const bool refuses : {false, true}) {
    scene.defence = [&](const Rows<float>& rows, std::span<float> out) {
      const Values lie(rows.row[0], rows.row[0] + rows.d);
      const double tau = chosen("alie_opt", others, lie);
      std::ranges::fill(out, tau > 5 && !refuses ? kNan : static_cast<float>(tau));
      return tau <= 5 || !refuses;
    };
    const double tau = chosen("alie_opt", others, scene.run("alie_opt", {}));
    EXPECT_LE(tau, 5);
    EXPECT_GT(tau, 2);
  }
  scene.defence = [](const Rows<float>&, std::span<float>) { return false; };
  EXPECT_NEAR(chosen("alie_opt", others, scene.run("alie_opt", {})), 0, 1e-6);
}

TEST(OptimisedAttacks, DoNotSearchWhereTheyOwnNoSlice) {
  AttackScene scene{honest_rows(7, 40)};
  scene.owned.clear();
  scene.defence = [](const Rows<float>&, std::span<float>) {
    ADD_FAILURE();
    return true;
  };
  const Sent mean = sent("alie_opt", scene.honest, 0);
  const Values out = scene.run("alie_opt", {});
  for (std::size_t c = 0; c < out.size(); ++c)
    ASSERT_NEAR(static_cast<double>(out[c]), mean[c], 1e-6);
  for (const float value : scene.run("ipm_opt", {})) EXPECT_EQ(value, 0.0F);
}

TEST(OptimisedAttacks, StayFiniteWhereTheyOwnEverySliceOrHonestGradientsAreEqual) {
  AttackScene all{honest_rows(3, 40)};
  all.owned = {0, 1, 2};
  AttackScene equal{honest_rows(1, 40)};
  equal.honest.assign(5, equal.honest[0]);
  for (const char* attack : {"alie_opt", "ipm_opt"}) {
    for (const float value : all.run(attack, {})) EXPECT_TRUE(std::isfinite(value));
    for (const float value : equal.run(attack, {})) EXPECT_TRUE(std::isfinite(value));
  }
  EXPECT_EQ(equal.run("alie_opt", {}), equal.honest[0]);
}

TEST(OptimisedAttacks, MeasureTheGradientAloneAndMoveWhatFollowsItAlong) {
  // Two statistics follow a gradient of 40: the rule never sees them.
  AttackScene scene{honest_rows(7, 42)};
  const std::vector<Values> others = without_owned(scene);
  std::vector<const float*> pointers;
  for (const Values& row : scene.honest) pointers.push_back(row.data());
  const KnownDefence known{40, [](const Rows<float>& rows, std::span<float> out) {
                             EXPECT_EQ(rows.d, 40U);
                             EXPECT_EQ(out.size(), 40U);
                             std::copy_n(rows.row[0], 40, out.begin());
                             return true;
                           }};
  AttackInput input;
  input.own = scene.honest[0];
  input.honest = Rows<float>{pointers, 42};
  input.owned = scene.owned;
  input.defence = &known;
  Values out(42);
  ThreadPool pool(1);
  find_attack("alie_opt").make({})->corrupt(input, out, pool);
  const double tau = chosen("alie_opt", others, out);
  EXPECT_NEAR(tau, 10.0 * ((1 << 19) - 1), 1e-3 * tau);  // the copy is the result: 19 doublings
  const Sent expected = sent("alie_opt", others, tau);
  for (std::size_t c = 0; c < 42; ++c)
    EXPECT_NEAR(static_cast<double>(out[c]), expected[c], 1e-5 * std::abs(expected[c]));
}

}  // namespace
}  // namespace detox
