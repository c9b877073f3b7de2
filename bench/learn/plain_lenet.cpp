#include "learn/plain_lenet.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "learn/threads.hpp"

namespace detox {
namespace {

struct LeNetModule : torch::nn::Module {
  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(torch::max_pool2d(conv1->forward(x), {2, 2}, {2, 2}));
    x = torch::relu(torch::max_pool2d(conv2->forward(x), {2, 2}, {2, 2}));
    return fc2->forward(fc1->forward(x.view({-1, 800})));
  }
  torch::nn::Conv2d conv1 = register_module("conv1", torch::nn::Conv2d(1, 20, 5));
  torch::nn::Conv2d conv2 = register_module("conv2", torch::nn::Conv2d(20, 50, 5));
  torch::nn::Linear fc1 = register_module("fc1", torch::nn::Linear(800, 500));
  torch::nn::Linear fc2 = register_module("fc2", torch::nn::Linear(500, 10));
};

}  // namespace

struct PlainLeNet::State {
  LeNetModule network;
  std::vector<torch::Tensor> parameters = network.parameters();
  std::vector<torch::Tensor> images, labels;
};

PlainLeNet::PlainLeNet(std::span<const Batch> batches) : state_(std::make_unique<State>()) {
  compute_on_this_thread();
  for (const Batch& batch : batches) {
    const auto count = static_cast<std::int64_t>(batch.count());
    const torch::Tensor& images = state_->images.emplace_back(torch::empty({count, 1, 28, 28}));
    const torch::Tensor& labels = state_->labels.emplace_back(torch::empty({count}, torch::kInt64));
    std::copy(batch.images.begin(), batch.images.end(), images.data_ptr<float>());
    std::copy(batch.labels.begin(), batch.labels.end(), labels.data_ptr<std::int64_t>());
  }
}

PlainLeNet::~PlainLeNet() = default;

void PlainLeNet::set_weights(std::span<const float> weights) {
  const float* next = weights.data();
  for (const torch::Tensor& parameter : state_->parameters) {
    std::copy_n(next, parameter.numel(), parameter.data_ptr<float>());
    next += parameter.numel();
  }
}

float PlainLeNet::step(std::size_t batch) {
  compute_on_this_thread();
  for (torch::Tensor& parameter : state_->parameters) parameter.mutable_grad() = torch::Tensor();
  const torch::Tensor loss = torch::nll_loss(
      torch::log_softmax(state_->network.forward(state_->images[batch]), 1), state_->labels[batch]);
  loss.backward();
  return loss.item<float>();
}

bool PlainLeNet::gradient_is(std::span<const float> gradient) const {
  const float* next = gradient.data();
  return std::all_of(
      state_->parameters.begin(), state_->parameters.end(), [&](const torch::Tensor& parameter) {
        const torch::Tensor grad = parameter.grad().contiguous();
        const auto size = static_cast<std::size_t>(grad.numel());
        next += size;
        return std::memcmp(next - size, grad.data_ptr<float>(), size * sizeof(float)) == 0;
      });
}

}  // namespace detox
