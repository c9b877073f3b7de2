// Min-Max and Min-Sum: what is sent hides among the honest gradients, and nothing farther out does.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "stages/attack/attack_scene.hpp"

namespace detox {
namespace {

using Vector = std::vector<double>;

double squared_distance(const Vector& a, const Values& b) {
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += std::pow(a[c] - static_cast<double>(b[c]), 2);
  return sum;
}

Vector wide(const Values& row) { return {row.begin(), row.end()}; }

/// mean - gamma * deviation.
Vector at(const std::vector<Values>& honest, double gamma) {
  const auto n = static_cast<double>(honest.size());
  Vector point;
  for (std::size_t c = 0; c < honest[0].size(); ++c) {
    double mean = 0, squares = 0;
    for (const Values& row : honest) mean += static_cast<double>(row[c]) / n;
    for (const Values& row : honest) squares += std::pow(static_cast<double>(row[c]) - mean, 2);
    point.push_back(mean - gamma * std::sqrt(squares / (n - 1)));
  }
  return point;
}

bool hides_by_max(const std::vector<Values>& honest, const Vector& point) {
  double most = 0, apart = 0;
  for (const Values& a : honest) {
    most = std::max(most, squared_distance(point, a));
    for (const Values& b : honest) apart = std::max(apart, squared_distance(wide(a), b));
  }
  return most <= apart;
}

bool hides_by_sum(const std::vector<Values>& honest, const Vector& point) {
  double sum = 0, apart = 0;
  for (const Values& a : honest) {
    sum += squared_distance(point, a);
    double from_one = 0;
    for (const Values& b : honest) from_one += squared_distance(wide(a), b);
    apart = std::max(apart, from_one);
  }
  return sum <= apart;
}

/// By bisection, as the paper searches it.
double searched_gamma(const std::vector<Values>& honest,
                      const std::function<bool(const std::vector<Values>&, const Vector&)>& hides) {
  double low = 0, high = 1000;
  for (int round = 0; round < 60; ++round) {
    const double middle = (low + high) / 2;
    (hides(honest, at(honest, middle)) ? low : high) = middle;
  }
  return low;
}

TEST(MinMaxAndMinSum, GoAsFarAsASearchFinds) {
  for (const std::size_t n : {2UL, 5UL, 15UL}) {
    for (const std::size_t d : {1UL, 300UL, 5000UL}) {
      for (const float offset : {0.0F, 30.0F}) {
        const AttackScene scene{honest_rows(n, d, offset, 0.5F)};
        SCOPED_TRACE(testing::Message() << "n = " << n << ", d = " << d << ", offset " << offset);
        for (const auto& [name, hides] :
             {std::pair{"min_max", &hides_by_max}, std::pair{"min_sum", &hides_by_sum}}) {
          const Vector expected = at(scene.honest, searched_gamma(scene.honest, hides));
          const Values out = scene.run(name, {});
          for (std::size_t c = 0; c < d; ++c)
            ASSERT_NEAR(static_cast<double>(out[c]), expected[c], 2e-5) << name << ", column " << c;
        }
      }
    }
  }
}

TEST(MinMaxAndMinSum, SendTheMeanWhereAllHonestGradientsAreEqual) {
  AttackScene scene{honest_rows(1, 100)};
  scene.honest.assign(4, scene.honest[0]);
  EXPECT_EQ(scene.run("min_max", {}), scene.honest[0]);
  EXPECT_EQ(scene.run("min_sum", {}), scene.honest[0]);
}

}  // namespace
}  // namespace detox
