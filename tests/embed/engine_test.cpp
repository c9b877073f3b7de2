// A program of plain functions that has the engine train: what Python's package does.
#include "embed/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/temporary_directory.hpp"

// Not in a namespace: types of C.
struct detox_learner {};

namespace detox {
namespace {

using testing::HasSubstr;

constexpr std::size_t kWeights = 3;
bool fails = false, draws = false, is_idle = false;
int passes = 0;

detox_text text(std::string_view of) { return {of.data(), of.size()}; }

void say(detox_sink sink, std::string_view line) { sink.write(sink.to, line.data(), line.size()); }

/// Pulls the weights to the numbers of the samples, each a tenth of the way.
const detox_learner_table kTable = {
    .interface = DETOX_LEARNER_INTERFACE,
    .make =
        [](const detox_network_request*, detox_learner** out, detox_sink) {
          static detox_learner one;
          *out = &one;
          return 0;
        },
    .destroy = [](detox_learner*) {},
    .layout =
        [](const detox_learner*, detox_model_layout* out) {
          static const std::int64_t kShape[] = {kWeights};
          static const detox_tensor kTensor = {text("weights"), kShape, 1, 0, kWeights};
          *out = {};
          out->parameters = &kTensor;
          out->parameters_count = 1;
        },
    .profile =
        [](const detox_learner*, detox_sink out, detox_sink) {
          say(out, "by hand");
          return 0;
        },
    .initial_state =
        [](detox_learner*, const unsigned char*, float* parameters, float*, std::int64_t*,
           detox_sink) {
          std::fill_n(parameters, kWeights, 1.0F);
          return 0;
        },
    .gradient =
        [](detox_learner*, const float* parameters, const float*, const detox_batch* batch,
           float* out, float*, detox_batch_result* result, detox_sink error) {
          if (fails && ++passes > 12) {
            say(error, "no more");
            return 1;
          }
          if (is_idle && ++passes > 12) return 0;
          result->correct = -1;
          result->loss_sum = 0;
          for (std::size_t w = 0; w < kWeights; ++w) {
            out[w] = draws ? static_cast<float>(++passes) : 0.0F;
            for (std::size_t i = 0; i < batch->count; ++i) {
              const float away = parameters[w] - static_cast<float>(batch->labels[i]) / 10;
              out[w] += away / static_cast<float>(batch->count);
              result->loss_sum += static_cast<double>(away * away);
            }
          }
          return 0;
        },
    .evaluate =
        [](detox_learner*, const float*, const float*, const std::int64_t*,
           const detox_batch* batch, detox_batch_result* result, detox_sink) {
          EXPECT_GE(batch->labels[0], 50);  // behind the training data
          result->loss_sum = 2.0 * static_cast<double>(batch->count);
          result->correct = -1;
          return 0;
        },
    .libraries = [](detox_sink, detox_sink) { return 0; },
    .sgemm = []() -> void* { return nullptr; }};

/// One run, and what was heard of it.
struct Heard {
  int code = 0;
  std::string error, log;
  std::size_t steps = 0, stop_after = 0;
  std::vector<float> weights;

  Heard(const std::filesystem::path& directory, std::vector<std::string> options,
        std::size_t stop = 0)
      : stop_after(stop) {
    fails = draws = false;
    run(directory, std::move(options));
  }
  Heard() = default;

  void run(const std::filesystem::path& directory, std::vector<std::string> options) {
    passes = 0;
    options.push_back("train-dir=" + directory.string());
    options.insert(options.begin(), {"workers=9", "batch-size=4", "max-steps=6", "lr=0.1"});
    std::vector<const char*> words;
    words.reserve(options.size());
    for (const std::string& option : options) words.push_back(option.c_str());
    detox_training training{};
    training.size = sizeof training;
    training.learner = &kTable;
    training.network = text("test:pull");
    training.data = text("test:numbers");
    training.data_digest = text("50");
    training.samples = 50;
    training.test_samples = 7;
    training.options = words.data();
    training.options_count = words.size();
    training.context = this;
    training.tell = [](void* context, const char* line, std::size_t size) {
      static_cast<Heard*>(context)->log.append(line, size).append("\n");
    };
    training.on_step = [](void* context, const char* json, std::size_t size) {
      auto& heard = *static_cast<Heard*>(context);
      EXPECT_THAT(std::string(json, size), HasSubstr("\"accuracy\":null"));
      if (++heard.steps == heard.stop_after) detox_stop_training();
    };
    training.on_end = [](void* context, detox_text, const float* parameters, const float*,
                         const std::int64_t*) {
      static_cast<Heard*>(context)->weights.assign(parameters, parameters + kWeights);
    };
    code = detox_train(&training, {this, [](void* to, const char* line, std::size_t size) {
                                     static_cast<Heard*>(to)->error.append(line, size);
                                   }});
  }
};

TEST(Engine, TrainsWithTheCallersGradients) {
  const MemoryDirectory directory;
  const Heard heard(directory / "run", {});
  EXPECT_EQ(heard.code, 0) << heard.error;
  EXPECT_EQ(heard.steps, 6U);
  EXPECT_GT(heard.weights.at(0), 1.0F);
  EXPECT_THAT(heard.log, HasSubstr("test loss 2.0000 of 7 samples\n"));
  EXPECT_TRUE(std::filesystem::exists(directory / "run" / "model_step_6"));
  const Heard attacked(directory / "attacked", {"worker-fail=1"});
  EXPECT_EQ(attacked.weights, heard.weights);
}

TEST(Engine, StopsAfterTheStepAndGoesOnToTheSameWeights) {
  const MemoryDirectory directory;
  const Heard whole(directory / "whole", {});
  const Heard stopped(directory / "run", {}, 2);
  EXPECT_EQ(stopped.code, 130);
  EXPECT_EQ(stopped.steps, 2U);
  EXPECT_NE(stopped.weights, whole.weights);
  const Heard rest(directory / "run", {"resume=auto"});
  EXPECT_EQ(rest.code, 0) << rest.error;
  EXPECT_EQ(rest.weights, whole.weights);
}

TEST(Engine, AnswersWithTheExitCodeAndALine) {
  const MemoryDirectory directory;
  const auto expect = [&](std::vector<std::string> options, const char* line) {
    const Heard heard(directory / "run", std::move(options));
    EXPECT_EQ(heard.code, 2);
    EXPECT_THAT(heard.error, HasSubstr(line));
    EXPECT_FALSE(std::filesystem::exists(directory / "run"));
  };
  expect({"network=LeNet"}, "--network is not for a network of the caller's own");
  expect({"batch-sise=3"}, "batch-size");
  expect({"compress-grad=zstd"}, "nothing travels over MPI");
  expect({"worker-fail=2", "err-mode=label-flip"}, "label_flip needs labels that are classes");
  Heard drawing;
  draws = true;
  drawing.run(directory / "run", {});
  EXPECT_THAT(drawing.error, HasSubstr("computed twice for the same 4 samples"));
  EXPECT_FALSE(std::filesystem::exists(directory / "run"));
  Heard failing;
  draws = false;
  fails = true;
  failing.run(directory / "run", {});
  EXPECT_EQ(failing.code, 1);
  EXPECT_EQ(failing.error, "no more");
  Heard idle;
  fails = false;
  is_idle = true;
  idle.run(directory / "idle", {});
  is_idle = false;
  EXPECT_EQ(idle.code, 1);
  EXPECT_EQ(idle.error, "the learner module says that all is right, and gives no result");
}

}  // namespace
}  // namespace detox
