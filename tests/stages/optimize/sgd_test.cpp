#include "stages/optimize/sgd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "detox/random.hpp"

namespace detox {
namespace {

using Values = std::vector<float>;

Values normal_values(std::size_t d, std::uint64_t counter) {
  Values values(d);
  RandomStream(derive_key(key_from_seed(1), "values", {counter})).fill_normal(values);
  return values;
}

bool same_bytes(const Values& a, const Values& b) {
  const auto x = std::as_bytes(std::span(a)), y = std::as_bytes(std::span(b));
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

struct Weights {
  Values weights, velocity;
};

Weights after(const SgdOptions& options, std::size_t d, std::uint64_t steps, std::size_t threads) {
  Weights state{normal_values(d, 0), Values(d)};
  ThreadPool pool(threads);
  for (std::uint64_t step = 1; step <= steps; ++step)
    sgd_step(options, normal_values(d, step), state.weights, state.velocity, pool);
  return state;
}

TEST(Sgd, FollowsADoublePrecisionLoopStepByStep) {
  for (const SgdOptions& options :
       {SgdOptions{0.01, 0.9, 0, false}, SgdOptions{0.1, 0, 0, false},
        SgdOptions{0.05, 0, 5e-4, false}, SgdOptions{0.05, 0.9, 5e-4, false},
        SgdOptions{0.05, 0.9, 5e-4, true}}) {
    constexpr std::size_t kD = 37;
    Values weights = normal_values(kD, 0), velocity(kD);
    std::vector<double> w(weights.begin(), weights.end()), v(kD);
    ThreadPool pool(1);
    for (std::uint64_t step = 1; step <= 50; ++step) {
      const Values gradient = normal_values(kD, step);
      sgd_step(options, gradient, weights, velocity, pool);
      for (std::size_t i = 0; i < kD; ++i) {
        const double g = static_cast<double>(gradient[i]) + options.weight_decay * w[i];
        v[i] = options.momentum * v[i] + g;
        w[i] -= options.lr * (options.nesterov ? g + options.momentum * v[i] : v[i]);
        ASSERT_NEAR(velocity[i], v[i], 1e-5) << "step " << step;
        ASSERT_NEAR(weights[i], w[i], 1e-5) << "step " << step;
      }
    }
  }
}

TEST(Sgd, RoundsEachMultiplicationAndAdditionOnItsOwn) {
  // The last bit of x * x is lost in a product of its own, and kept in a fused one.
  const float x = 1.0F + 0x1p-12F;
  Values weights = {0.0F}, velocity = {x};
  ThreadPool pool(1);
  sgd_step({1.0, static_cast<double>(x), 0, false}, Values{-1.0F}, weights, velocity, pool);
  EXPECT_EQ(velocity[0], 0x1p-11F);
  EXPECT_NE(velocity[0], std::fma(x, x, -1.0F));
}

TEST(Sgd, GivesTheSameBytesOnAnyNumberOfThreads) {
  constexpr std::size_t kD = (1U << 17U) + 4321;  // three blocks, the last one not full
  const Weights one = after({0.05, 0.9, 5e-4, true}, kD, 3, 1);
  for (const std::size_t threads : {2U, 3U}) {
    const Weights many = after({0.05, 0.9, 5e-4, true}, kD, 3, threads);
    EXPECT_TRUE(same_bytes(one.weights, many.weights));
    EXPECT_TRUE(same_bytes(one.velocity, many.velocity));
  }
}

TEST(Sgd, DoesNotMakeNanOfAnInfiniteWeightWithoutDecayOrMomentum) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Values weights = {kInfinity, 1.0F}, velocity = {0.0F, kInfinity};
  ThreadPool pool(1);
  sgd_step({0.5, 0, 0, false}, Values{1.0F, 1.0F}, weights, velocity, pool);
  EXPECT_EQ(weights[0], kInfinity);
  EXPECT_EQ(weights[1], 0.5F);
  EXPECT_EQ(velocity[1], 1.0F);
}

TEST(Sgd, SaysWhetherTheWeightsAreFiniteAfterwards) {
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const std::size_t d : {1U, 17U, 1000U, 200'000U}) {
    for (const std::size_t place : {std::size_t{0}, d / 2, d - 1}) {
      const auto is_finite_after = [&](float gradient, float lr) {
        Values gradients(d, 0.5F), weights(d, 1.0F), velocity(d);
        gradients[place] = gradient;
        ThreadPool pool(2);
        return sgd_step({lr, 0.9, 0, false}, gradients, weights, velocity, pool);
      };
      EXPECT_TRUE(is_finite_after(kMax, 0.5));
      EXPECT_FALSE(is_finite_after(kMax, 2)) << "it overflows";
      EXPECT_FALSE(is_finite_after(kInfinity, 0.5));
      EXPECT_FALSE(is_finite_after(kNan, 0.5));
    }
  }
}

}  // namespace
}  // namespace detox
