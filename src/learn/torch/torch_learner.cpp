// The learner over libtorch: the caller's vectors are copied into tensors that libtorch allocated,
// and gradients out of them.
#include "learn/torch/torch_learner.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/assert.hpp"
#include "base/learner.hpp"
#include "detox/errors.hpp"
#include "learn/network_path.hpp"
#include "learn/torch/cause.hpp"
#include "learn/torch/flat_tensors.hpp"
#include "learn/torch/generator.hpp"
#include "learn/torch/networks/network.hpp"
#include "learn/torch/networks/registry.hpp"
#include "learn/torch/networks/torchscript.hpp"
#include "learn/torch/numerics.hpp"
#include "learn/torch/threads.hpp"

namespace detox {
namespace {

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
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw InputError("libtorch failed: " + cause_of(error));
  }
}

/// The parameter moves to memory of this layout, where it has the shape of a convolution's weights.
void lay_out(torch::Tensor parameter, MemoryLayout layout) {
  if (layout != MemoryLayout::kChannelsLast || parameter.dim() != 4) return;
  parameter.set_data(torch::empty(
      parameter.sizes(), parameter.options().memory_format(torch::MemoryFormat::ChannelsLast)));
}

class TorchLearner final : public Learner {
 public:
  TorchLearner(std::shared_ptr<Network> network, ImageShape shape, std::size_t classes,
               MemoryLayout memory_layout, ModelLayout described)
      : network_(std::move(network)),
        shape_(shape),
        classes_(classes),
        memory_layout_(memory_layout),
        layout_(std::move(described)) {
    for (const auto& [name, tensor] : network_->trained()) {
      lay_out(tensor, memory_layout);
      parameters_.add(name, tensor);
    }
    for (const auto& [name, tensor] : network_->buffered()) {
      if (tensor.scalar_type() == torch::kInt64) {
        counters_.add(name, tensor);
      } else {
        statistics_.add(name, tensor);
      }
    }
    layout_.parameters = parameters_.infos();
    layout_.statistics = statistics_.infos();
    layout_.counters = counters_.infos();
  }

  const ModelLayout& layout() const override { return layout_; }

  std::string numerical_profile() const override {
    return detox::numerical_profile(memory_layout_);
  }

  ModelState initial_state(const Key& key) override {
    return in_torch([&] {
      network_->initialise(key);
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
      torch::Tensor logits = forward(batch.draws, statistics);
      const torch::Tensor logs = torch::log_softmax(logits, 1);
      const torch::Tensor loss = torch::nll_loss(logs, labels_);
      const BatchResult result = score(logits, logs, batch.labels);
      parameters_.copy_out(
          torch::autograd::grad({loss}, parameters_.tensors(), {}, c10::nullopt, false, true),
          gradient_out);
      network_->settle();
      statistics_.copy_out(statistics_out);
      return result;
    });
  }

  BatchResult evaluate(const ModelView& state, const Batch& batch) override {
    if (batch.count() == 0) return {};
    return in_torch([&] {
      const torch::NoGradGuard no_grad;
      load(state.parameters, state.statistics, batch);
      counters_.copy_in(state.counters);
      if (network_->is_training()) network_->eval();
      torch::Tensor logits = forward(batch.draws, state.statistics);
      network_->settle();
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
      const auto format = memory_layout_ == MemoryLayout::kChannelsLast
                              ? torch::MemoryFormat::ChannelsLast
                              : torch::MemoryFormat::Contiguous;
      images_ =
          torch::empty({count, size(shape_.channels), size(shape_.height), size(shape_.width)},
                       torch::TensorOptions().dtype(torch::kFloat32).memory_format(format));
      labels_ = torch::empty({count}, torch::kInt64);
    }
    copy_into(batch.images.data(), images_);
    std::copy_n(batch.labels.data(), batch.labels.size(), labels_.data_ptr<std::int64_t>());
    parameters_.copy_in(parameters);
    statistics_.copy_in(statistics);
  }

  torch::Tensor forward(std::uint64_t seed, std::span<const float> statistics) {
    const auto once = [&] { return network_->forward(images_); };
    const auto restore = [&] {
      network_->settle();
      statistics_.copy_in(statistics);
    };
    torch::Tensor logits =
        (network_->may_draw() ? seeded_.run(seed, once, restore) : once()).contiguous();
    if (logits.dim() != 2 || logits.size(0) != images_.size(0) ||
        logits.size(1) != static_cast<std::int64_t>(classes_)) {
      throw InputError(fmt::format("for {} samples the network answers logits of shape [{}]",
                                   images_.size(0), fmt::join(logits.sizes(), ", ")));
    }
    return logits;
  }

  std::shared_ptr<Network> network_;
  ImageShape shape_;
  std::size_t classes_;
  MemoryLayout memory_layout_;
  ModelLayout layout_;
  SeededForward seeded_;
  FlatTensors<float> parameters_, statistics_;
  FlatTensors<std::int64_t> counters_;
  torch::Tensor images_, labels_;
};

}  // namespace

std::unique_ptr<Learner> make_torch_learner(std::string_view network, ImageShape shape,
                                            std::size_t classes) {
  DETOX_ASSERT(shape.values() > 0 && classes > 0);
  return in_torch([&]() -> std::unique_ptr<Learner> {
    if (is_network_path(network)) {
      ScriptFile file = load_torchscript(std::string(network), shape, classes);
      return std::make_unique<TorchLearner>(std::move(file.network), shape, classes,
                                            MemoryLayout::kChannelsFirst,
                                            std::move(file.described));
    }
    const NetworkEntry& entry = find_network_entry(network);
    return std::make_unique<TorchLearner>(entry.make(shape, classes, entry.depth), shape, classes,
                                          entry.memory_layout, ModelLayout{});
  });
}

}  // namespace detox
