// Modules come from python3-torch, as users make them (make_modules.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
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

TEST_F(TorchScript, DrawsBehindAnyOperationFromTheSeedOfTheBatchAlone) {
  for (const std::string name :
       {"lstm", "gru", "rnn", "forking", "interface", "sometimes", "dropping"}) {
    const auto learner = script(name);
    const ModelState state = learner->initial_state({});
    const Answer first = answer_of(*learner, state, samples, 5);
    EXPECT_NE(answer_of(*learner, state, samples, 6), first) << name;
    EXPECT_EQ(answer_of(*learner, state, samples, 5), first) << name;
    EXPECT_EQ(answer_of(*script(name), state, samples, 5), first) << name;
    std::vector<Answer> others(3);
    {
      std::vector<std::jthread> threads;
      threads.reserve(others.size());
      for (Answer& other : others) {
        threads.emplace_back([&] { other = answer_of(*script(name), state, samples, 5); });
      }
    }
    for (const Answer& other : others) EXPECT_EQ(other, first) << name;
    const double loss = learner->evaluate(state, samples.batch()).loss_sum;
    EXPECT_EQ(learner->evaluate(state, samples.batch()).loss_sum, loss) << name;
    EXPECT_EQ(script(name)->evaluate(state, samples.batch()).loss_sum, loss) << name;
  }
}

TEST_F(TorchScript, HasATensorWithTwoNamesOnce) {
  const auto learner = script("tied");
  const ModelLayout& layout = learner->layout();
  EXPECT_EQ(layout.parameter_count(), 784U * 32 + 32 + 2 * 32 + 32 + 320 + 10);
  EXPECT_EQ(layout.statistic_count(), 2U * 32);
  EXPECT_EQ(layout.counters.size(), 1U);
  std::map<std::string, std::string> tied;
  for (const TiedTensor& tensor : layout.tied) tied[tensor.name] = tensor.of;
  EXPECT_EQ(tied, (std::map<std::string, std::string>{
                      {"two.weight", "one.weight"},
                      {"again.weight", "norm.weight"},
                      {"again.bias", "norm.bias"},
                      {"again.running_mean", "norm.running_mean"},
                      {"again.running_var", "norm.running_var"},
                      {"again.num_batches_tracked", "norm.num_batches_tracked"}}));
  EXPECT_TRUE(script("lenet")->layout().tied.empty());
}

TEST_F(TorchScript, GivesATensorWithTwoNamesTheGradientOfBothUses) {
  // Half the weights move as far in both places as all of them would in one.
  const auto learner = script("tied");
  ModelState state = learner->initial_state({});
  const TensorInfo& weight = learner->layout().parameters.front();
  ASSERT_EQ(weight.name, "one.weight");
  const Answer answer = answer_of(*learner, state, samples);
  double square = 0;
  for (std::size_t i = 0; i < weight.size; ++i) {
    square += static_cast<double>(answer.gradient[i]) * static_cast<double>(answer.gradient[i]);
  }
  ASSERT_GT(square, 0);
  const double step = 1e-3 / std::sqrt(square);
  std::vector<double> losses;
  for (const double sign : {-1.0, 1.0}) {
    ModelState moved = state;
    for (std::size_t i = 0; i < weight.size; ++i) {
      moved.parameters[i] +=
          static_cast<float>(sign * step * static_cast<double>(answer.gradient[i]));
    }
    losses.push_back(answer_of(*learner, moved, samples).loss / 16);
  }
  EXPECT_NEAR((losses[1] - losses[0]) / (2 * step * square), 1.0, 0.05);
}

TEST_F(TorchScript, CarriesABufferThatForwardReplaces) {
  const auto learner = script("KeepingReplaced");
  ModelState state = learner->initial_state({});
  const Answer first = answer_of(*learner, state, samples);
  EXPECT_EQ(answer_of(*learner, state, samples), first);
  for (std::size_t i = 0; i < 784; ++i) {
    float mean = 0;
    for (std::size_t sample = 0; sample < 16; ++sample)
      mean += samples.images[sample * 784 + i] / 16;
    ASSERT_NEAR(first.statistics[i], mean / 2, 1e-5);
  }
  state.statistics = first.statistics;
  const Answer second = answer_of(*learner, state, samples);
  EXPECT_NEAR(second.statistics[5], first.statistics[5] * 1.5, 1e-5);
  EXPECT_EQ(answer_of(*script("KeepingReplaced"), state, samples), second);
}

TEST_F(TorchScript, ThatChangesWhatNobodyIsToldInALaterPassIsRefusedThen) {
  const std::map<std::string, std::string> reasons = {
      {"LaterTensor", "forward changes the attribute plain, which is neither"},
      {"LaterTensorOfAList", "forward changes the attribute tensors, which is neither"},
      {"LaterIntegers", "forward changes the buffer steps, and only float32 buffers"},
      {"LaterFlags", "forward changes the buffer flags, and only float32 buffers"},
      {"LaterWeight", "forward changes the parameter line.bias"}};
  const test::Samples few = made_up_samples(8, kGrey28, 10, 1);
  for (const auto& [name, reason] : reasons) {
    const auto learner = script(name);
    const ModelState state = learner->initial_state({});
    answer_of(*learner, state, few);
    for (const bool in_training : {true, false}) {
      try {
        if (in_training) answer_of(*learner, state, samples);
        if (!in_training) script(name)->evaluate(state, samples.batch());
        ADD_FAILURE() << name << " was taken";
      } catch (const InputError& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr(reason)) << name;
      }
    }
  }
  const auto same = script("LaterSame");
  const ModelState state = same->initial_state({});
  const Answer first = answer_of(*same, state, samples);
  same->evaluate(state, samples.batch());
  EXPECT_EQ(answer_of(*same, state, samples), first);
}

TEST_F(TorchScript, LaysOutWhatIsChannelsLast) {
  const auto learner = script("last");
  const auto expected = script("lenet");
  const ModelState state = learner->initial_state({});
  EXPECT_EQ(state.parameters, expected->initial_state({}).parameters);
  const Answer here = answer_of(*learner, state, samples);
  const Answer there = answer_of(*expected, state, samples);
  for (std::size_t i = 0; i < here.gradient.size(); ++i) {
    ASSERT_NEAR(here.gradient[i], there.gradient[i], 1e-5) << i;
  }
}

TEST_F(TorchScript, KeepsBuffersOfBoolsAndIntegersAsTheyAre) {
  const auto learner = script("masked");
  const ModelState state = learner->initial_state({});
  const std::vector<ConstantTensor>& constants = learner->layout().constants;
  ASSERT_EQ(constants.size(), 2U);
  EXPECT_EQ(constants[0].name, "mask");
  EXPECT_EQ(constants[0].dtype, "BOOL");
  EXPECT_THAT(constants[0].shape, testing::ElementsAre(784));
  EXPECT_EQ(constants[0].bytes[3], std::byte{0});
  EXPECT_EQ(constants[0].bytes[4], std::byte{1});
  EXPECT_EQ(constants[1].dtype, "I16");
  EXPECT_EQ(constants[1].bytes.size(), 8U);
  const Answer answer = answer_of(*learner, state, samples);
  EXPECT_EQ(answer.gradient[3], 0.0F);
  EXPECT_NE(answer.gradient[4], 0.0F);
}

TEST_F(TorchScript, ThatStaysInOneModeIsSaid) {
  const std::vector<std::string> notices = script("traced")->layout().notices;
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_THAT(notices[0], testing::HasSubstr("batch_norm, dropout in it work as in evaluation"));
  for (const char* name : {"normed", "dropping", "lstm", "tied", "attending"}) {
    EXPECT_TRUE(script(name)->layout().notices.empty()) << name;
  }
}

TEST_F(TorchScript, ThatDoesNotFitIsRefusedInOneLine) {
  const std::map<std::string, std::string> reasons = {
      {"missing", "no such file"},
      {"garbage", "no TorchScript module"},
      {"version", "cannot load the module: Attempted to read a PyTorch file with version 99"},
      {"operator", "cannot load the module: Unknown builtin op: aten::not_there_yet"},
      {"greek", "cannot load the module: expected a valid token but found '\\xce'"},
      {"cuda", "cannot take images of 1x28x28: Could not run 'aten::empty.memory_format' with"},
      {"KeepingNumber", "forward changes the attribute n, which is neither"},
      {"KeepingList", "forward changes the attribute seen, which is neither"},
      {"KeepingDict", "forward changes the attribute batches, which is neither"},
      {"KeepingTensor", "forward changes the attribute plain, which is neither"},
      {"KeepingForked", "forward changes the attribute n, which is neither"},
      {"hidden", "forward changes the attribute layer.n, which is neither"},
      {"KeepingIntegers", "forward changes the buffer steps, and only float32 buffers"},
      {"KeepingFlags", "forward changes the buffer flags, and only float32 buffers"},
      {"KeepingWeight", "forward changes the parameter line.weight"},
      {"KeepingReshaped", "forward replaces mean by a value of another shape"},
      {"averaging", "depends on 2.num_batches_tracked, which workers do not know"},
      {"images", "answers Float of shape [2, 10, 26, 26]; valid: float32 of shape [2, 10]"},
      {"twelve", "of shape [2, 12]"},
      {"double", "parameter 1.weight is Double; valid: float32"},
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

TEST_F(TorchScript, ThatIsAFileOfWeightsIsToldSo) {
  try {
    make_learner((modules() / "weights.pth").string(), kGrey28, 10);
    ADD_FAILURE() << "taken";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("what torch.save wrote, and no TorchScript module"));
  }
}

TEST_F(TorchScript, IsFoundInTheCurrentFolderWhateverItIsCalled) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(modules());
  std::filesystem::copy_file("odd.pt", "plain.pth");
  EXPECT_EQ(resolve_network("plain.pth"), "./plain.pth");
  EXPECT_EQ(make_learner(resolve_network("plain.pth"), kGrey28, 10)->layout().source,
            script("odd")->layout().source);
  EXPECT_THROW(resolve_network("none.pth"), UsageError);
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace detox
