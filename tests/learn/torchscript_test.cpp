// Modules come from python3-torch, as users make them (make_modules.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "detox/errors.hpp"
#include "learn/samples.hpp"

namespace detox {
namespace {

using test::kGrey28;
using test::made_up_samples;

const std::filesystem::path& modules() {
  static const std::filesystem::path kFolder = [] {
    std::string name = testing::TempDir() + "detoxml_modules_XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    const std::string command =
        "/usr/bin/python3 " DETOX_SOURCE_DIR "/tests/learn/make_modules.py " + name;
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command + " failed");
    return std::filesystem::path(name);
  }();
  return kFolder;
}

std::unique_ptr<Learner> script(const std::string& name) {
  return make_learner((modules() / (name + ".pt")).string(), kGrey28, 10);
}

struct Answer {
  std::vector<float> gradient, statistics;
  double loss = 0;
  bool operator==(const Answer&) const = default;
};

Answer answer_of(Learner& learner, const ModelState& state, const test::Samples& samples,
                 std::uint64_t draws = 0) {
  Answer answer{std::vector<float>(state.parameters.size()),
                std::vector<float>(state.statistics.size())};
  const Batch batch{samples.images, samples.labels, draws};
  answer.loss =
      learner
          .gradient(state.parameters, state.statistics, batch, answer.gradient, answer.statistics)
          .loss_sum;
  return answer;
}

class TorchScript : public testing::Test {
 protected:
  static void TearDownTestSuite() { std::filesystem::remove_all(modules()); }
  test::Samples samples = made_up_samples(16, kGrey28, 10, 1);
};

TEST_F(TorchScript, TrainsLikeTheSameNetworkBuiltIn) {
  const auto learner = script("lenet");
  const auto built_in = make_learner("LeNet", kGrey28, 10);
  const ModelState state = learner->initial_state({});
  ASSERT_EQ(state.parameters.size(), 431080U);
  const Answer theirs = answer_of(*learner, state, samples);
  const Answer ours = answer_of(*built_in, state, samples);
  EXPECT_NEAR(theirs.loss, ours.loss, 1e-4);
  for (std::size_t i = 0; i < theirs.gradient.size(); ++i) {
    ASSERT_NEAR(theirs.gradient[i], ours.gradient[i], 1e-5) << i;
  }
  EXPECT_EQ(learner->evaluate(state, samples.batch()).correct,
            built_in->evaluate(state, samples.batch()).correct);
}

TEST_F(TorchScript, GivesTheSameBitsInTheFirstTheSecondAndTheTenthExecution) {
  for (const std::string name : {"lenet", "dropping", "odd"}) {
    const auto learner = script(name);
    const ModelState state = learner->initial_state({});
    const Answer first = answer_of(*learner, state, samples, 5);
    EXPECT_EQ(answer_of(*learner, state, samples, 5), first) << name;
    for (int i = 3; i < 10; ++i) answer_of(*learner, state, samples, 6);
    EXPECT_EQ(answer_of(*learner, state, samples, 5), first) << name;
    EXPECT_EQ(answer_of(*script(name), state, samples, 5), first) << name;
  }
}

TEST_F(TorchScript, DrawsFromTheSeedOfTheBatchAloneOnThreadsAtTheSameTime) {
  const ModelState state = script("dropping")->initial_state({});
  std::vector<Answer> expected;
  for (std::uint64_t draws = 0; draws < 3; ++draws) {
    expected.push_back(answer_of(*script("dropping"), state, samples, draws));
  }
  EXPECT_NE(expected[0], expected[1]);
  std::vector<int> mismatches(4, 0);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < mismatches.size(); ++t) {
      threads.emplace_back([&, t] {
        const auto learner = script("dropping");
        for (std::size_t round = 0; round < 12; ++round) {
          const std::uint64_t draws = (t + round) % expected.size();
          mismatches[t] += answer_of(*learner, state, samples, draws) == expected[draws] ? 0 : 1;
        }
      });
    }
  }
  EXPECT_EQ(mismatches, std::vector<int>(4, 0));
}

TEST_F(TorchScript, EvaluatesWithoutDrawing) {
  const auto learner = script("dropping");
  const ModelState state = learner->initial_state({});
  const double first = learner->evaluate(state, samples.batch()).loss_sum;
  answer_of(*learner, state, samples, 1);
  EXPECT_EQ(learner->evaluate(state, samples.batch()).loss_sum, first);
}

TEST_F(TorchScript, StartsFromTheWeightsInTheFileWhateverCameBefore) {
  const auto learner = script("odd");
  const ModelState first = learner->initial_state(key_from_seed(1));
  ModelState other = first;
  for (float& value : other.parameters) value += 1;
  answer_of(*learner, other, samples);
  EXPECT_EQ(learner->initial_state(key_from_seed(2)).parameters, first.parameters);
}

TEST_F(TorchScript, KeepsWhatIsNotTrainedAndCountsOnlyBatches) {
  const auto odd = script("odd");
  const ModelLayout& layout = odd->layout();
  ModelState state = odd->initial_state({});
  ASSERT_EQ(layout.statistics.size(), 2U);
  EXPECT_EQ(layout.statistics[0].name, "scale");
  EXPECT_EQ(answer_of(*odd, state, samples).statistics, state.statistics);
  const std::vector<std::int64_t> before = state.counters;
  layout.count_step(state.counters);
  EXPECT_EQ(state.counters, before);
  const TensorInfo& unused = layout.parameters.front();
  ASSERT_EQ(unused.name, "unused");
  EXPECT_EQ(answer_of(*odd, state, samples).gradient[unused.offset], 0.0F);

  const auto dropping = script("dropping");
  ModelState counted = dropping->initial_state({});
  dropping->layout().count_step(counted.counters);
  EXPECT_EQ(counted.counters, std::vector<std::int64_t>{1});
}

TEST_F(TorchScript, IsToldApartByTheFile) {
  EXPECT_EQ(script("lenet")->layout().source.size(), 64U);
  EXPECT_NE(script("lenet")->layout().source, script("odd")->layout().source);
  EXPECT_EQ(make_learner("LeNet", kGrey28, 10)->layout().source, "");
}

TEST_F(TorchScript, ThatDoesNotFitIsRefusedInOneLine) {
  const std::map<std::string, std::string> reasons = {
      {"missing", "no such file"},
      {"garbage", "no TorchScript module"},
      {"images", "answers Float of shape [2, 10, 26, 26]; valid: float32 of shape [2, 10]"},
      {"twelve", "of shape [2, 12]"},
      {"double", "parameter 1.weight is Double; valid: contiguous float32"},
      {"nothing", "no parameter to train"},
      {"colour", "cannot take images of 1x28x28"}};
  for (const auto& [name, reason] : reasons) {
    try {
      script(name);
      ADD_FAILURE() << name << " was taken";
    } catch (const InputError& error) {
      const std::string text = error.what();
      EXPECT_THAT(text, testing::HasSubstr(name + ".pt")) << name;
      EXPECT_THAT(text, testing::HasSubstr(reason)) << name;
      EXPECT_THAT(text, testing::Not(testing::HasSubstr("\n"))) << name;
    }
  }
}

}  // namespace
}  // namespace detox
