// PyTorch's default initialisation: kaiming_uniform_(weight, a = sqrt(5)) (He et al. 2015, arXiv
// 1502.01852), whose bound comes to 1/sqrt(fan in), for weights, and the same bound for biases.
// Deviation: the draws are ours, because libtorch's differ between the instruction sets it was told
// to use.
#include "learn/initialise.hpp"

#include <cmath>
#include <string>

#include "base/assert.hpp"

namespace detox {
namespace {

void fill_uniform(const torch::Tensor& tensor, float bound, const Key& key) {
  DETOX_ASSERT(tensor.is_contiguous() && tensor.scalar_type() == torch::kFloat32);
  RandomStream stream(key);
  float* values = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    const auto draw = static_cast<float>(stream.next() >> 40U);  // 24 bits: exact in a float
    values[i] = (draw * 0x1p-23F - 1.0F) * bound;
  }
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

void initialise(torch::nn::Module& network, const Key& key) {
  const torch::NoGradGuard no_grad;
  fill_module(network, "", key);
  for (const auto& item : network.named_modules("", false)) {
    fill_module(*item.value(), item.key() + ".", key);
  }
}

}  // namespace detox
