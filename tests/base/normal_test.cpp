#include "base/normal.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace detox {
namespace {

TEST(InverseNormalCdf, InvertsTheErrorFunction) {
  for (const double p : {1e-12, 1e-6, 0.01, 0.07, 0.2, 0.5, 0.6, 0.93, 0.999, 1 - 1e-9}) {
    const double x = inverse_normal_cdf(p);
    EXPECT_NEAR(0.5 * std::erfc(-x / std::sqrt(2.0)) / p, 1.0, 1e-12) << p;
  }
}

TEST(InverseNormalCdf, AgreesWithPublishedQuantiles) {
  // Wichura 1988, the values given to check an implementation
  EXPECT_NEAR(inverse_normal_cdf(0.25), -0.6744897501960817, 1e-15);
  EXPECT_NEAR(inverse_normal_cdf(0.001), -3.090232306167814, 1e-14);
  EXPECT_NEAR(inverse_normal_cdf(1e-20), -9.262340089798408, 1e-14);
}

TEST(InverseNormalCdf, IsInfiniteAtTheEnds) {
  EXPECT_EQ(inverse_normal_cdf(0.0), -INFINITY);
  EXPECT_EQ(inverse_normal_cdf(1.0), INFINITY);
}

}  // namespace
}  // namespace detox
