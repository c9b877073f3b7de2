// A small data set and a small network in plain C++, so that whole runs are tested without
// libtorch.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "base/dataset.hpp"
#include "base/learner.hpp"

namespace detox {

/// `samples` images of 1 x 2 x 2 in three classes that a line can tell apart.
class ToyData final : public Dataset {
 public:
  explicit ToyData(std::size_t samples) {
    RandomStream stream(key_from_seed(7));
    images_.resize(4 * samples);
    stream.fill_normal(images_);
    for (std::size_t i = 0; i < samples; ++i) {
      labels_.push_back(static_cast<std::int64_t>(i % 3));
      images_[4 * i + i % 3] += 3.0F;
    }
  }
  std::string name() const override { return "toy (synthetic)"; }
  bool is_synthetic() const override { return true; }
  std::size_t size() const override { return labels_.size(); }
  ImageShape shape() const override { return {1, 2, 2}; }
  std::size_t classes() const override { return 3; }
  std::span<const std::string> class_names() const override { return class_names_; }
  std::int64_t label(std::size_t sample) const override { return labels_[sample]; }
  void read(std::size_t sample, std::uint64_t, const Key&, std::span<float> out) const override {
    std::copy_n(images_.begin() + static_cast<std::ptrdiff_t>(4 * sample), 4, out.begin());
  }
  void pixels(std::size_t sample, std::span<std::uint8_t> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const float x = images_[4 * sample + i] * 32.0F + 128.0F;
      out[i] = static_cast<std::uint8_t>(std::clamp(x, 0.0F, 255.0F));
    }
  }
  std::string digest() const override { return "toy"; }

 private:
  std::vector<float> images_;
  std::vector<std::int64_t> labels_;
  std::vector<std::string> class_names_ = {"first", "second", "third"};
};

/// Any name is its own.
inline DatasetChoice choose_toy_data(std::string_view name) {
  static const DatasetInfo kInfo{};
  return {&kInfo, std::string(name)};
}

/// Softmax regression, 3 x 4 weights and 3 biases, with one statistic: a running mean of the first
/// value.
class ToyLearner : public Learner {
 public:
  ToyLearner() {
    layout_.parameters = {{"line.weight", {3, 4}, 0, 12}, {"line.bias", {3}, 12, 3}};
    layout_.statistics = {{"norm.running_mean", {1}, 0, 1}};
    layout_.counters = {{"norm.num_batches_tracked", {}, 0, 1}};
  }
  const ModelLayout& layout() const override { return layout_; }
  std::string numerical_profile() const override { return "toy profile"; }
  ModelState initial_state(const Key& key) override {
    ModelState state{std::vector<float>(15), std::vector<float>(1), std::vector<std::int64_t>(1)};
    RandomStream(key).fill_normal(state.parameters);
    return state;
  }
  BatchResult gradient(std::span<const float> parameters, std::span<const float> statistics,
                       const Batch& batch, std::span<float> gradient_out,
                       std::span<float> statistics_out) override {
    std::fill(gradient_out.begin(), gradient_out.end(), 0.0F);
    const auto count = static_cast<float>(batch.count());
    BatchResult result;
    float mean = 0;
    for (std::size_t i = 0; i < batch.count(); ++i) {
      const float* x = batch.images.data() + 4 * i;
      const auto label = static_cast<std::size_t>(batch.labels[i]);
      std::array<float, 3> p = probabilities(parameters, x);
      result.loss_sum -= std::log(static_cast<double>(p[label]));
      result.correct += p[label] >= std::max({p[0], p[1], p[2]}) ? 1 : 0;
      p[label] -= 1;
      for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t j = 0; j < 4; ++j) gradient_out[4 * c + j] += p[c] * x[j] / count;
        gradient_out[12 + c] += p[c] / count;
      }
      mean += x[0] / count;
    }
    statistics_out[0] = 0.9F * statistics[0] + 0.1F * mean;
    return result;
  }
  BatchResult evaluate(const ModelView& state, const Batch& batch) override {
    std::array<float, 15> gradient{};
    std::array<float, 1> statistics{};
    return this->gradient(state.parameters, state.statistics, batch, gradient, statistics);
  }

 private:
  static std::array<float, 3> probabilities(std::span<const float> parameters, const float* x) {
    std::array<float, 3> p{};
    float sum = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      float logit = parameters[12 + c];
      for (std::size_t j = 0; j < 4; ++j) logit += parameters[4 * c + j] * x[j];
      p[c] = std::exp(std::min(logit, 60.0F));
      sum += p[c];
    }
    for (float& value : p) value /= sum;
    return p;
  }

  ModelLayout layout_;
};

inline LearnerFactory toy_learners() {
  return [] { return std::make_unique<ToyLearner>(); };
}

}  // namespace detox
