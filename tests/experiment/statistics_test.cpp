// What is said of replicates, beside SciPy 1.10 (numpy.std with ddof=1, stats.ttest_ind with
// equal_var=False, 2 * stats.t.sf).
#include "experiment/statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace detox {
namespace {

TEST(Spread, IsTheMeanAndTheDeviationOfTheSample) {
  const Spread spread = spread_of({81.2, 80.9, 81.5, 82.0, 80.0});
  EXPECT_EQ(spread.n, 5U);
  EXPECT_NEAR(spread.mean, 81.12, 1e-12);
  EXPECT_NEAR(spread.deviation, 0.7463243262818112, 1e-12);
  EXPECT_EQ(spread_of({7}).deviation, 0);
  EXPECT_EQ(spread_of({}).n, 0U);
  EXPECT_TRUE(std::isfinite(spread_of({1e308, 1e308}).mean));
}

TEST(StudentTwoSided, IsThatOfSciPy) {
  struct {
    double t, freedom, p;
  } constexpr kCases[] = {{0, 3, 1.0},
                          {0.5, 1, 0.7048327646991336},
                          {2.0, 1.7, 0.20549011285266217},
                          {2.776445, 4, 0.05000000538209156},
                          {12, 2.5, 0.0028362150300783226},
                          {40, 7, 1.5902179984850428e-09},
                          {1.96, 1000000.0, 0.04999606758526978},
                          {3, 0.8, 0.2524456496067411}};
  for (const auto& [t, freedom, p] : kCases) {
    EXPECT_NEAR(student_two_sided(t, freedom), p, 1e-12 + 1e-9 * p) << t << ", " << freedom;
    EXPECT_EQ(student_two_sided(-t, freedom), student_two_sided(t, freedom));
  }
}

TEST(WelchP, IsThatOfSciPy) {
  struct {
    std::vector<double> a, b;
    double p;
  } const cases[] = {{{81.2, 80.9, 81.5}, {79.8, 80.1, 80.0}, 0.008144471904430222},
                     {{81.2, 80.9, 81.5, 82.0, 80.0}, {81.0, 80.2}, 0.40281816586983304},
                     {{1, 2, 3, 4, 5, 6, 7, 8}, {1.5, 1.5, 1.5}, 0.010489203142015744},
                     {{10.0, 10.1}, {90.0, 90.3, 89.9, 90.05, 91}, 2.864990992711409e-11},
                     {{1e-09, 2e-09, 4e-09}, {3e-09, 3.5e-09, 3.2e-09}, 0.4152921440340559}};
  for (const auto& [a, b, p] : cases) {
    EXPECT_NEAR(*welch_p(spread_of(a), spread_of(b)), p, 1e-10 * p) << p;
    EXPECT_NEAR(*welch_p(spread_of(b), spread_of(a)), p, 1e-10 * p) << p;
  }
}

TEST(WelchP, SaysNothingOfOneValueAndIsSureWhereNothingVaries) {
  EXPECT_EQ(welch_p(spread_of({1}), spread_of({1, 2})), std::nullopt);
  EXPECT_EQ(welch_p(spread_of({1, 1}), spread_of({1, 1, 1})), 1);
  EXPECT_EQ(welch_p(spread_of({1, 1}), spread_of({2, 2, 2})), 0);
}

}  // namespace
}  // namespace detox
