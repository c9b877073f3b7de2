#include "base/learner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "detox/errors.hpp"
#include "learn/samples.hpp"

namespace detox {
namespace {

using test::kColour32;
using test::kGrey28;
using test::made_up_samples;

std::string usage_error(const std::function<void()>& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Networks, AreSortedAndFoundByAnySpelling) {
  std::vector<std::string_view> names;
  for (const NetworkInfo& info : networks()) names.push_back(info.name);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(names.size(), 21U);
  EXPECT_EQ(resolve_network("le-net"), "LeNet");
  EXPECT_EQ(resolve_network("ResNet-18"), "ResNet18");
  EXPECT_EQ(resolve_network("vgg13-Plain"), "VGG13-plain");
  EXPECT_EQ(resolve_network("my/lenet"), "my/lenet");
}

TEST(Networks, AnUnknownNameIsAnsweredWithTheNearestAndAll) {
  const std::string text = usage_error([] { make_learner("LeNut", kGrey28, 10); });
  EXPECT_THAT(text, testing::HasSubstr("LeNut"));
  EXPECT_THAT(text, testing::HasSubstr("LeNet"));
  EXPECT_THAT(text, testing::HasSubstr("FC"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\n")));
}

std::size_t parameters_of(std::string_view network, ImageShape shape, std::size_t classes = 10) {
  return make_learner(network, shape, classes)->layout().parameter_count();
}

TEST(Networks, HaveTheOriginalsParameterCounts) {
  EXPECT_EQ(parameters_of("LeNet", kGrey28), 431080U);
  EXPECT_EQ(parameters_of("FC", kGrey28), 1033510U);
  EXPECT_EQ(parameters_of("ResNet18", kColour32), 11173962U);
  EXPECT_EQ(parameters_of("ResNet34", kColour32), 21282122U);
  EXPECT_EQ(parameters_of("ResNet50", kColour32), 23520842U);
  EXPECT_EQ(parameters_of("ResNet101", kColour32), 42512970U);
  EXPECT_EQ(parameters_of("ResNet152", kColour32), 58156618U);
  EXPECT_EQ(parameters_of("VGG11", kColour32), 9231114U);
  EXPECT_EQ(parameters_of("VGG13", kColour32), 9416010U);
  EXPECT_EQ(parameters_of("VGG13", kColour32, 100), 9462180U);
  EXPECT_EQ(parameters_of("VGG16", kColour32), 14728266U);
  EXPECT_EQ(parameters_of("VGG19", kColour32), 20040522U);
  EXPECT_EQ(parameters_of("DenseNet121", kColour32), 6956298U);
}

TEST(Networks, ForCifarHaveHeEtAlsParameterCounts) {
  // Table 6 of arXiv 1512.03385, in millions, to the digits given there.
  EXPECT_NEAR(static_cast<double>(parameters_of("ResNet20", kColour32)), 0.27e6, 0.005e6);
  EXPECT_NEAR(static_cast<double>(parameters_of("ResNet32", kColour32)), 0.46e6, 0.005e6);
  EXPECT_NEAR(static_cast<double>(parameters_of("ResNet44", kColour32)), 0.66e6, 0.005e6);
  EXPECT_NEAR(static_cast<double>(parameters_of("ResNet56", kColour32)), 0.85e6, 0.006e6);
  EXPECT_NEAR(static_cast<double>(parameters_of("ResNet110", kColour32)), 1.7e6, 0.05e6);
}

TEST(Networks, WithoutBatchNormHaveNoStatistics) {
  for (const std::string_view network :
       {"VGG11-plain", "VGG13-plain", "VGG16-plain", "VGG19-plain"}) {
    const auto learner = make_learner(network, kColour32, 10);
    EXPECT_EQ(learner->layout().statistic_count(), 0U) << network;
    const std::string normed(network.substr(0, 5));
    const auto other = make_learner(normed, kColour32, 10);
    // Two parameters and two statistics for each channel.
    EXPECT_EQ(other->layout().parameter_count() - learner->layout().parameter_count(),
              other->layout().statistic_count())
        << network;
  }
}

TEST(Networks, FollowTheClassesAndChannelsOfTheData) {
  EXPECT_EQ(make_learner("LeNet", kGrey28, 47)->layout().parameter_count(), 431080U + 37U * 501U);
  EXPECT_EQ(make_learner("LeNet", {3, 28, 28}, 10)->layout().parameter_count(),
            431080U + 2U * 25U * 20U);
  EXPECT_EQ(make_learner("FC", {3, 32, 32}, 10)->layout().parameter_count(),
            1033510U + (3072U - 784U) * 800U);
  EXPECT_EQ(make_learner("LeNet", {1, 32, 32}, 10)->layout().parameter_count(),
            431080U + (1250U - 800U) * 500U);
  EXPECT_EQ(make_learner("ResNet18", {1, 28, 28}, 100)->layout().parameter_count(),
            11173962U - 2U * 9U * 64U + 90U * 513U);
}

TEST(Networks, AnImageThatIsTooSmallIsRefusedInOneLine) {
  for (const auto& [network, least] : std::map<std::string, std::string>{
           {"LeNet", "16x16"}, {"VGG11", "32x32"}, {"DenseNet121", "8x8"}}) {
    const std::string text = usage_error([&name = network] { make_learner(name, {3, 7, 40}, 10); });
    EXPECT_THAT(text, testing::HasSubstr(least));
    EXPECT_THAT(text, testing::HasSubstr("7x40"));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("\n")));
  }
}

TEST(Layout, HasPyTorchsNamesInOrderWithoutGaps) {
  const auto learner = make_learner("LeNet", kGrey28, 10);
  const ModelLayout& layout = learner->layout();
  std::vector<std::string> names;
  std::size_t offset = 0;
  for (const TensorInfo& info : layout.parameters) {
    names.push_back(info.name);
    EXPECT_EQ(info.offset, offset) << info.name;
    const auto values =
        std::accumulate(info.shape.begin(), info.shape.end(), std::int64_t{1}, std::multiplies<>());
    EXPECT_EQ(info.size, static_cast<std::size_t>(values)) << info.name;
    offset += info.size;
  }
  EXPECT_THAT(names,
              testing::ElementsAre("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias",
                                   "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"));
  EXPECT_THAT(layout.parameters[0].shape, testing::ElementsAre(20, 1, 5, 5));
  EXPECT_EQ(layout.statistic_count() + layout.counter_count(), 0U);
}

TEST(InitialState, DependsOnTheKeyAlone) {
  const auto learner = make_learner("LeNet", kGrey28, 10);
  const ModelState first = learner->initial_state(key_from_seed(1));
  const ModelState other = learner->initial_state(key_from_seed(2));
  EXPECT_NE(first.parameters, other.parameters);
  EXPECT_EQ(learner->initial_state(key_from_seed(1)).parameters, first.parameters);
  EXPECT_EQ(make_learner("LeNet", kGrey28, 10)->initial_state(key_from_seed(1)).parameters,
            first.parameters);
}

TEST(InitialState, IsUniformWithinOneOverTheRootOfTheFanIn) {
  const auto learner = make_learner("LeNet", kGrey28, 10);
  const ModelState state = learner->initial_state(key_from_seed(3));
  const std::vector<double> fan_in = {25, 25, 500, 500, 800, 800, 500, 500};
  ASSERT_EQ(learner->layout().parameters.size(), fan_in.size());
  std::set<float> values(state.parameters.begin(), state.parameters.end());
  EXPECT_GT(values.size(), state.parameters.size() * 9 / 10) << "streams repeat each other";
  for (std::size_t i = 0; i < fan_in.size(); ++i) {
    const TensorInfo& info = learner->layout().parameters[i];
    const double bound = 1.0 / std::sqrt(fan_in[i]);
    double sum = 0;
    double squares = 0;
    for (std::size_t j = info.offset; j < info.offset + info.size; ++j) {
      const double value = state.parameters[j];
      ASSERT_LE(std::abs(value), bound * (1 + 1e-6)) << info.name;
      sum += value;
      squares += value * value;
    }
    const auto n = static_cast<double>(info.size);
    // Five standard errors of the mean and of the mean square of uniform draws.
    EXPECT_NEAR(sum / n, 0.0, 5 * bound / std::sqrt(3 * n)) << info.name;
    EXPECT_NEAR(squares / n, bound * bound / 3, 5 * bound * bound * std::sqrt(4.0 / 45.0 / n))
        << info.name;
  }
}

class LearnerOf : public testing::TestWithParam<std::string_view> {
 protected:
  std::unique_ptr<Learner> learner = make_learner(GetParam(), kGrey28, 10);
  ModelState state = learner->initial_state(key_from_seed(4));
  test::Samples samples = made_up_samples(8, kGrey28, 10, 5);
  std::vector<float> gradient = std::vector<float>(state.parameters.size());
};

TEST_P(LearnerOf, GradientAgreesWithFiniteDifferencesInEveryTensor) {
  learner->gradient(state.parameters, {}, samples.batch(), gradient, {});
  for (const TensorInfo& info : learner->layout().parameters) {
    // Along the tensor's own gradient g the loss falls by |g|^2 for a step of one.
    double square = 0;
    for (std::size_t i = info.offset; i < info.offset + info.size; ++i) {
      square += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
    }
    ASSERT_GT(square, 0) << info.name;
    const double step = 2e-3 / std::sqrt(square);
    std::vector<double> losses;
    for (const double sign : {-1.0, 1.0}) {
      ModelState moved = state;
      for (std::size_t i = info.offset; i < info.offset + info.size; ++i) {
        moved.parameters[i] += static_cast<float>(sign * step * static_cast<double>(gradient[i]));
      }
      losses.push_back(learner->evaluate(moved, samples.batch()).loss_sum / 8);
    }
    EXPECT_NEAR((losses[1] - losses[0]) / (2 * step * square), 1.0, 0.02) << info.name;
  }
}

TEST_P(LearnerOf, TrainingAndEvaluationCountTheSame) {
  const BatchResult training =
      learner->gradient(state.parameters, {}, samples.batch(), gradient, {});
  const BatchResult evaluation = learner->evaluate(state, samples.batch());
  EXPECT_EQ(training.loss_sum, evaluation.loss_sum);
  EXPECT_EQ(training.correct, evaluation.correct);
  EXPECT_EQ(training.correct_top5, evaluation.correct_top5);
  EXPECT_GT(training.correct_top5, training.correct);
}

TEST_P(LearnerOf, WeightsThatAreNotFiniteGiveNumbersAndNoCrash) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e38F}) {
    const std::vector<float> weights(state.parameters.size(), bad);
    const BatchResult result = learner->gradient(weights, {}, samples.batch(), gradient, {});
    EXPECT_FALSE(std::isfinite(result.loss_sum));
    EXPECT_EQ(result.correct, 0) << "logits that are not finite recognise nothing";
  }
  const BatchResult healthy =
      learner->gradient(state.parameters, {}, samples.batch(), gradient, {});
  EXPECT_TRUE(std::isfinite(healthy.loss_sum));
  EXPECT_TRUE(std::all_of(gradient.begin(), gradient.end(),
                          [](float value) { return std::isfinite(value); }));
}

TEST_P(LearnerOf, LeavesTheFloatingPointModeOfTheCallerAlone) {
  const unsigned before =
      _mm_getcsr() & ~0x3FU;  // without the flags of exceptions that have occurred
  learner->gradient(state.parameters, {}, samples.batch(), gradient, {});
  EXPECT_EQ(_mm_getcsr() & ~0x3FU, before);
}

INSTANTIATE_TEST_SUITE_P(Networks, LearnerOf, testing::Values("FC", "LeNet"),
                         [](const auto& made) { return std::string(made.param); });

TEST(Scores, TiesGoToTheLowestClassAndTheFirstFiveCount) {
  // All logits are zero: class 0 is the answer, classes 0 to 4 are among the first five.
  const auto learner = make_learner("FC", kGrey28, 10);
  ModelState state = learner->initial_state(key_from_seed(6));
  std::fill(state.parameters.begin(), state.parameters.end(), 0.0F);
  test::Samples samples = made_up_samples(10, kGrey28, 10, 7);
  std::iota(samples.labels.begin(), samples.labels.end(), std::int64_t{0});
  const BatchResult result = learner->evaluate(state, samples.batch());
  EXPECT_EQ(result.correct, 1);
  EXPECT_EQ(result.correct_top5, 5);
  EXPECT_NEAR(result.loss_sum, 10 * std::log(10.0), 1e-5);
}

TEST(Scores, NoSamplesScoreNothing) {
  const auto learner = make_learner("FC", kGrey28, 10);
  const BatchResult result = learner->evaluate(learner->initial_state(key_from_seed(8)), {});
  EXPECT_EQ(result.loss_sum, 0.0);
  EXPECT_EQ(result.correct_top5, 0);
}

}  // namespace
}  // namespace detox
