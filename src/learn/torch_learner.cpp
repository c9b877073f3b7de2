// The learner over libtorch: the caller's vectors are copied into tensors that libtorch allocated,
// and gradients out of them. The copies are what makes bits independent of where the caller's
// memory lies: vector kernels treat the elements before an aligned address by another path than the
// rest.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/assert.hpp"
#include "detox/errors.hpp"
#include "detox/learner.hpp"
#include "learn/initialise.hpp"
#include "learn/networks/network.hpp"
#include "learn/networks/registry.hpp"
#include "learn/threads.hpp"

namespace detox {
namespace {

/// Tensors of one kind, in layout order, that together are one flat vector.
template <class T>
class FlatTensors {
 public:
  void add(const std::string& name, const torch::Tensor& tensor) {
    DETOX_ASSERT(tensor.is_contiguous());
    const auto values = static_cast<std::size_t>(tensor.numel());
    infos_.push_back({name, tensor.sizes().vec(), size_, values});
    tensors_.push_back(tensor);
    size_ += values;
  }
  const std::vector<TensorInfo>& infos() const { return infos_; }
  const std::vector<torch::Tensor>& tensors() const { return tensors_; }

  void copy_in(std::span<const T> flat) {
    DETOX_ASSERT(flat.size() == size_);
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      std::copy_n(flat.data() + infos_[i].offset, infos_[i].size,
                  tensors_[i].template data_ptr<T>());
    }
  }
  void copy_out(std::span<T> flat) const { copy_out(tensors_, flat); }

  /// The same for other tensors of these shapes.
  void copy_out(const std::vector<torch::Tensor>& tensors, std::span<T> flat) const {
    DETOX_ASSERT(flat.size() == size_ && tensors.size() == tensors_.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const torch::Tensor dense = tensors[i].contiguous();
      DETOX_ASSERT(static_cast<std::size_t>(dense.numel()) == infos_[i].size);
      std::copy_n(dense.template data_ptr<T>(), infos_[i].size, flat.data() + infos_[i].offset);
    }
  }
  std::vector<T> flat() const {
    std::vector<T> values(size_);
    copy_out(values);
    return values;
  }

 private:
  std::vector<TensorInfo> infos_;
  std::vector<torch::Tensor> tensors_;
  std::size_t size_ = 0;
};

/// Logits that come before the label's when sorted: larger ones, equal ones of a lower class, and
/// NaN. A label whose own logit is not finite comes last, so a network that has diverged recognises
/// nothing.
std::size_t rank_of_label(std::span<const float> logits, std::size_t label) {
  const float own = logits[label];
  if (!std::isfinite(own)) return logits.size();
  std::size_t before = 0;
  for (std::size_t j = 0; j < logits.size(); ++j) {
    const float other = logits[j];
    if (other > own || std::isnan(other) || (other == own && j < label)) ++before;
  }
  return before;
}

BatchResult score(const torch::Tensor& logits, const torch::Tensor& log_probabilities,
                  std::span<const std::int64_t> labels) {
  const auto classes = static_cast<std::size_t>(logits.size(1));
  const float* rows = logits.data_ptr<float>();
  const float* logs = log_probabilities.data_ptr<float>();
  BatchResult result;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    result.loss_sum -= static_cast<double>(logs[i * classes + label]);
    const std::size_t rank = rank_of_label({rows + i * classes, classes}, label);
    result.correct += rank < 1 ? 1 : 0;
    result.correct_top5 += rank < 5 ? 1 : 0;
  }
  return result;
}

/// Runs what calls libtorch: on this thread alone, and with its errors (no memory left, say) in one
/// line.
template <class Work>
auto in_torch(Work&& work) {
  compute_on_this_thread();
  try {
    return work();
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    throw InputError("libtorch failed: " + text.substr(0, text.find('\n')));
  }
}

class TorchLearner final : public Learner {
 public:
  TorchLearner(std::shared_ptr<Network> network, ImageShape shape, std::size_t classes)
      : network_(std::move(network)), shape_(shape), classes_(classes) {
    for (const auto& item : network_->named_parameters()) parameters_.add(item.key(), item.value());
    for (const auto& item : network_->named_buffers()) {
      if (item.value().scalar_type() == torch::kInt64) {
        counters_.add(item.key(), item.value());
      } else {
        statistics_.add(item.key(), item.value());
      }
    }
    layout_ = {parameters_.infos(), statistics_.infos(), counters_.infos()};
  }

  const ModelLayout& layout() const override { return layout_; }

  ModelState initial_state(const Key& key) override {
    return in_torch([&] {
      initialise(*network_, key);
      return ModelState{parameters_.flat(), statistics_.flat(), counters_.flat()};
    });
  }

  BatchResult gradient(std::span<const float> parameters, std::span<const float> statistics,
                       const Batch& batch, std::span<float> gradient_out,
                       std::span<float> statistics_out) override {
    DETOX_ASSERT(batch.count() > 0);
    return in_torch([&] {
      load(parameters, statistics, batch);
      if (!network_->is_training()) network_->train();
      const torch::Tensor logits = forward();
      const torch::Tensor logs = torch::log_softmax(logits, 1);
      const torch::Tensor loss = torch::nll_loss(logs, labels_);
      const BatchResult result = score(logits, logs, batch.labels);
      parameters_.copy_out(torch::autograd::grad({loss}, parameters_.tensors()), gradient_out);
      statistics_.copy_out(statistics_out);
      return result;
    });
  }

  BatchResult evaluate(const ModelState& state, const Batch& batch) override {
    if (batch.count() == 0) return {};
    return in_torch([&] {
      const torch::NoGradGuard no_grad;
      load(state.parameters, state.statistics, batch);
      counters_.copy_in(state.counters);
      if (network_->is_training()) network_->eval();
      const torch::Tensor logits = forward();
      return score(logits, torch::log_softmax(logits, 1), batch.labels);
    });
  }

 private:
  void load(std::span<const float> parameters, std::span<const float> statistics,
            const Batch& batch) {
    DETOX_ASSERT(batch.images.size() == batch.count() * shape_.values());
    DETOX_ASSERT(std::all_of(batch.labels.begin(), batch.labels.end(), [&](std::int64_t label) {
      return label >= 0 && static_cast<std::size_t>(label) < classes_;
    }));
    const auto count = static_cast<std::int64_t>(batch.count());
    if (!images_.defined() || images_.size(0) != count) {
      const auto size = [](std::size_t value) { return static_cast<std::int64_t>(value); };
      images_ = torch::empty(
          {count, size(shape_.channels), size(shape_.height), size(shape_.width)}, torch::kFloat32);
      labels_ = torch::empty({count}, torch::kInt64);
    }
    std::copy_n(batch.images.data(), batch.images.size(), images_.data_ptr<float>());
    std::copy_n(batch.labels.data(), batch.labels.size(), labels_.data_ptr<std::int64_t>());
    parameters_.copy_in(parameters);
    statistics_.copy_in(statistics);
  }

  torch::Tensor forward() {
    torch::Tensor logits = network_->forward(images_);
    DETOX_ASSERT(logits.dim() == 2 && logits.size(0) == images_.size(0) && logits.is_contiguous());
    DETOX_ASSERT(static_cast<std::size_t>(logits.size(1)) == classes_);
    return logits;
  }

  std::shared_ptr<Network> network_;
  ImageShape shape_;
  std::size_t classes_;
  ModelLayout layout_;
  FlatTensors<float> parameters_, statistics_;
  FlatTensors<std::int64_t> counters_;
  torch::Tensor images_, labels_;
};

}  // namespace

std::unique_ptr<Learner> make_learner(std::string_view network, ImageShape shape,
                                      std::size_t classes) {
  const NetworkEntry& entry = find_network_entry(network);
  DETOX_ASSERT(shape.values() > 0 && classes > 0);
  return in_torch([&]() -> std::unique_ptr<Learner> {
    return std::make_unique<TorchLearner>(entry.make(shape, classes), shape, classes);
  });
}

}  // namespace detox
