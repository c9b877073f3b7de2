// Gradients are voted by bytes, so each of these compares bytes, never values.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "learn/samples.hpp"

namespace detox {
namespace {

using test::kGrey28;
using test::made_up_samples;

class GradientBits : public testing::TestWithParam<std::string_view> {
 protected:
  std::vector<std::byte> gradient_by(Learner& learner, std::size_t samples_of) const {
    const test::Samples& chosen = samples[samples_of];
    std::vector<float> gradient(state.parameters.size() + state.statistics.size());
    const std::span<float> out = gradient;
    const BatchResult result =
        learner.gradient(state.parameters, state.statistics, chosen.batch(),
                         out.first(state.parameters.size()), out.subspan(state.parameters.size()));
    std::vector<std::byte> bytes(gradient.size() * sizeof(float) + sizeof(double));
    std::memcpy(bytes.data(), gradient.data(), gradient.size() * sizeof(float));
    std::memcpy(bytes.data() + gradient.size() * sizeof(float), &result.loss_sum, sizeof(double));
    return bytes;
  }

  std::unique_ptr<Learner> make() const { return make_learner(GetParam(), shape(), 10); }

  static ImageShape shape() { return GetParam() == "VGG11" ? test::kColour32 : kGrey28; }

  ModelState state = make()->initial_state(key_from_seed(10));
  std::vector<test::Samples> samples = {made_up_samples(8, shape(), 10, 1),
                                        made_up_samples(24, shape(), 10, 2),
                                        made_up_samples(33, shape(), 10, 3)};
};

TEST_P(GradientBits, AreTheSameEveryTimeWhateverCameBefore) {
  const auto learner = make();
  const auto first = gradient_by(*learner, 0);
  EXPECT_EQ(gradient_by(*learner, 0), first);
  gradient_by(*learner, 2);
  learner->evaluate(state, samples[1].batch());
  EXPECT_EQ(gradient_by(*learner, 0), first);
  EXPECT_NE(gradient_by(*learner, 1), first);
}

TEST_P(GradientBits, AreTheSameInEveryLearner) {
  EXPECT_EQ(gradient_by(*make(), 2), gradient_by(*make(), 2));
}

TEST_P(GradientBits, AreTheSameOnThreadsThatComputeAtTheSameTime) {
  std::vector<std::vector<std::byte>> expected;
  for (std::size_t i = 0; i < samples.size(); ++i) expected.push_back(gradient_by(*make(), i));
  constexpr std::size_t kThreads = 5;
  // VGG11 takes a second a gradient: each thread computes each batch, and that once.
  const std::size_t rounds = GetParam() == "VGG11" ? samples.size() : 4 * samples.size();
  std::vector<int> mismatches(kThreads, 0);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        const auto learner = make();
        for (std::size_t round = 0; round < rounds; ++round) {
          const std::size_t i = (t + round) % samples.size();
          mismatches[t] += gradient_by(*learner, i) == expected[i] ? 0 : 1;
        }
      });
    }
  }
  EXPECT_EQ(mismatches, std::vector<int>(kThreads, 0));
}

TEST_P(GradientBits, AreTheSameForALearnerMadeOnAnotherThread) {
  const auto learner = make();
  const auto here = gradient_by(*learner, 1);
  std::vector<std::byte> there;
  std::jthread([&] { there = gradient_by(*learner, 1); }).join();
  EXPECT_EQ(there, here);
}

TEST_P(GradientBits, DoNotDependOnWhereTheCallersMemoryLies) {
  const auto learner = make();
  const std::size_t d = state.parameters.size();
  const test::Samples& chosen = samples[2];
  std::vector<float> expected(d);
  std::vector<float> statistics(state.statistics.size());
  learner->gradient(state.parameters, state.statistics, chosen.batch(), expected, statistics);
  std::vector<float> weights(d + 16);
  std::vector<float> images(chosen.images.size() + 16);
  std::vector<float> gradient(d + 16);
  for (const std::size_t shift : {1U, 3U, 7U, 8U, 13U}) {
    std::copy(state.parameters.begin(), state.parameters.end(),
              weights.begin() + static_cast<std::ptrdiff_t>(shift));
    std::copy(chosen.images.begin(), chosen.images.end(),
              images.begin() + static_cast<std::ptrdiff_t>(16 - shift));
    const Batch batch{{images.data() + 16 - shift, chosen.images.size()}, chosen.labels};
    const std::span<float> out{gradient.data() + shift, d};
    learner->gradient({weights.data() + shift, d}, state.statistics, batch, out, statistics);
    EXPECT_EQ(std::memcmp(out.data(), expected.data(), d * sizeof(float)), 0) << "shift " << shift;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, GradientBits,
                         testing::Values("FC", "LeNet", "ResNet20", "VGG11"),
                         [](const auto& made) { return std::string(made.param); });

}  // namespace
}  // namespace detox
