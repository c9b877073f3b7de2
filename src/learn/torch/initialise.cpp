// PyTorch's default initialisation: kaiming_uniform_(weight, a = sqrt(5)) (He et al. 2015, arXiv
// 1502.01852), whose bound comes to 1/sqrt(fan in), for weights, and the same bound for biases.
// Batch norm begins with ones and zeros. Deviation: the draws are ours, because libtorch's differ
// between the instruction sets it was told to use. Each parameter has a stream of its own,
// derive_key(key, "parameter:" + name), so the values depend on nothing else. A module kind without
// a rule here is our bug.

#include <cmath>
#include <string>

#include "base/assert.hpp"
#include "learn/torch/flat_tensors.hpp"
#include "learn/torch/networks/network.hpp"

namespace detox {
namespace {

void fill_uniform(const torch::Tensor& tensor, float bound, const Key& key) {
  DETOX_ASSERT(tensor.scalar_type() == torch::kFloat32);
  RandomStream stream(key);
  std::vector<float> values(static_cast<std::size_t>(tensor.numel()));
  for (float& value : values) {
    const auto draw = static_cast<float>(stream.next() >> 40U);  // 24 bits: exact in a float
    value = (draw * 0x1p-23F - 1.0F) * bound;
  }
  copy_into(values.data(), tensor);
}

void fill_layer(const torch::Tensor& weight, const torch::Tensor& bias, const std::string& path,
                const Key& key) {
  const std::int64_t fan_in = weight.numel() / weight.size(0);
  const float bound = 1.0F / std::sqrt(static_cast<float>(fan_in));
  fill_uniform(weight, bound, derive_key(key, "parameter:" + path + "weight"));
  if (bias.defined()) fill_uniform(bias, bound, derive_key(key, "parameter:" + path + "bias"));
}

void fill_module(torch::nn::Module& module, const std::string& path, const Key& key) {
  if (auto* conv = module.as<torch::nn::Conv2d>()) {
    fill_layer(conv->weight, conv->bias, path, key);
  } else if (auto* linear = module.as<torch::nn::Linear>()) {
    fill_layer(linear->weight, linear->bias, path, key);
  } else if (auto* norm = module.as<torch::nn::BatchNorm2d>()) {
    norm->reset_running_stats();
    if (norm->weight.defined()) norm->weight.fill_(1.0);
    if (norm->bias.defined()) norm->bias.zero_();
  } else {
    DETOX_ASSERT(module.parameters(false).empty() && module.buffers(false).empty());
  }
}

}  // namespace

void Network::initialise(const Key& key) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : named_modules("", false)) {
    fill_module(*item.value(), item.key() + ".", key);
  }
}

}  // namespace detox
