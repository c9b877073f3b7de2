#include "learn/plain_network.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "base/assert.hpp"
#include "learn/torch/threads.hpp"

namespace detox {
namespace {

namespace nn = torch::nn;
constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;

struct Module : nn::Module {
  virtual torch::Tensor forward(torch::Tensor x) = 0;
};

struct LeNet final : Module {
  LeNet(ImageShape shape, std::int64_t classes) {
    conv1 = register_module("conv1", nn::Conv2d(static_cast<std::int64_t>(shape.channels), 20, 5));
    conv2 = register_module("conv2", nn::Conv2d(20, 50, 5));
    fc1 = register_module("fc1", nn::Linear(800, 500));
    fc2 = register_module("fc2", nn::Linear(500, classes));
  }
  torch::Tensor forward(torch::Tensor x) override {
    x = torch::relu(torch::max_pool2d(conv1->forward(x), {2, 2}, {2, 2}));
    x = torch::relu(torch::max_pool2d(conv2->forward(x), {2, 2}, {2, 2}));
    return fc2->forward(fc1->forward(x.reshape({-1, 800})));
  }
  nn::Conv2d conv1{nullptr}, conv2{nullptr};
  nn::Linear fc1{nullptr}, fc2{nullptr};
};

nn::Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t size, std::int64_t stride) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2).bias(false));
}

struct Block final : nn::Module {
  Block(std::int64_t in, std::int64_t out, std::int64_t stride) {
    conv1 = register_module("conv1", conv(in, out, 3, stride));
    bn1 = register_module("bn1", nn::BatchNorm2d(out));
    conv2 = register_module("conv2", conv(out, out, 3, 1));
    bn2 = register_module("bn2", nn::BatchNorm2d(out));
    if (in != out) {
      shortcut = register_module("shortcut",
                                 nn::Sequential(conv(in, out, 1, stride), nn::BatchNorm2d(out)));
    }
  }
  torch::Tensor forward(torch::Tensor x) {
    torch::Tensor y = bn1->forward(conv1->forward(x)).relu_();
    y = bn2->forward(conv2->forward(y));
    y += shortcut ? shortcut->forward(x) : x;
    return torch::relu_(y);
  }
  nn::Conv2d conv1{nullptr}, conv2{nullptr};
  nn::BatchNorm2d bn1{nullptr}, bn2{nullptr};
  nn::Sequential shortcut{nullptr};
};

struct ResNet18 final : Module {
  ResNet18(ImageShape shape, std::int64_t classes) {
    conv1 = register_module("conv1", conv(static_cast<std::int64_t>(shape.channels), 64, 3, 1));
    bn1 = register_module("bn1", nn::BatchNorm2d(64));
    std::int64_t in = 64;
    for (const std::int64_t out : {64, 64, 128, 128, 256, 256, 512, 512}) {
      blocks->push_back(std::make_shared<Block>(in, out, in == out ? 1 : 2));
      in = out;
    }
    register_module("blocks", blocks);
    linear = register_module("linear", nn::Linear(512, classes));
  }
  torch::Tensor forward(torch::Tensor x) override {
    x = blocks->forward(bn1->forward(conv1->forward(x)).relu_());
    return linear->forward(x.mean({2, 3}));
  }
  nn::Conv2d conv1{nullptr};
  nn::BatchNorm2d bn1{nullptr};
  nn::Sequential blocks;
  nn::Linear linear{nullptr};
};

struct Vgg13 final : Module {
  Vgg13(ImageShape shape, std::int64_t classes) {
    auto in = static_cast<std::int64_t>(shape.channels);
    for (const std::int64_t out : {64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0}) {
      if (out == 0) {
        layers->push_back(nn::MaxPool2d(2));
        continue;
      }
      layers->push_back(nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1)));
      layers->push_back(nn::BatchNorm2d(out));
      layers->push_back(nn::ReLU(nn::ReLUOptions(true)));
      in = out;
    }
    register_module("layers", layers);
    linear = register_module("linear", nn::Linear(512, classes));
  }
  torch::Tensor forward(torch::Tensor x) override {
    return linear->forward(layers->forward(x).mean({2, 3}));
  }
  nn::Sequential layers;
  nn::Linear linear{nullptr};
};

std::shared_ptr<Module> make(std::string_view network, ImageShape shape, std::int64_t classes) {
  if (network == "LeNet") return std::make_shared<LeNet>(shape, classes);
  if (network == "ResNet18") return std::make_shared<ResNet18>(shape, classes);
  DETOX_ASSERT(network == "VGG13");
  return std::make_shared<Vgg13>(shape, classes);
}

torch::Tensor in_channels_last(const torch::Tensor& tensor) {
  if (tensor.dim() != 4) return tensor;
  return torch::empty(tensor.sizes(), tensor.options().memory_format(kChannelsLast)).copy_(tensor);
}

}  // namespace

struct PlainNetwork::State {
  std::shared_ptr<Module> network;
  std::vector<torch::Tensor> parameters, images, labels;
  std::optional<torch::optim::SGD> optimizer;
};

PlainNetwork::PlainNetwork(std::string_view network, ImageShape shape, std::size_t classes,
                           std::span<const Batch> batches)
    : state_(std::make_unique<State>()) {
  compute_on_this_thread();
  state_->network = make(network, shape, static_cast<std::int64_t>(classes));
  state_->parameters = state_->network->parameters();
  for (torch::Tensor& parameter : state_->parameters) {
    parameter.set_data(in_channels_last(parameter.detach()));
  }
  state_->optimizer.emplace(state_->parameters, torch::optim::SGDOptions(0.01).momentum(0.9));
  const auto size = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  for (const Batch& batch : batches) {
    const torch::Tensor images = torch::empty(
        {size(batch.count()), size(shape.channels), size(shape.height), size(shape.width)});
    std::copy(batch.images.begin(), batch.images.end(), images.data_ptr<float>());
    state_->images.push_back(in_channels_last(images));
    const torch::Tensor& labels =
        state_->labels.emplace_back(torch::empty({size(batch.count())}, torch::kInt64));
    std::copy(batch.labels.begin(), batch.labels.end(), labels.data_ptr<std::int64_t>());
  }
}

PlainNetwork::~PlainNetwork() = default;

void PlainNetwork::set_weights(std::span<const float> weights) {
  const torch::NoGradGuard no_grad;
  std::size_t begin = 0;
  for (const torch::Tensor& parameter : state_->parameters) {
    const torch::Tensor values = torch::empty(parameter.sizes());
    const auto size = static_cast<std::size_t>(parameter.numel());
    std::copy_n(weights.data() + begin, size, values.data_ptr<float>());
    parameter.copy_(values);
    begin += size;
  }
}

float PlainNetwork::step(std::size_t batch) {
  compute_on_this_thread();
  for (torch::Tensor& parameter : state_->parameters) parameter.mutable_grad() = torch::Tensor();
  const torch::Tensor logits = state_->network->forward(state_->images[batch]);
  const torch::Tensor loss = torch::nll_loss(torch::log_softmax(logits, 1), state_->labels[batch]);
  loss.backward();
  return loss.item<float>();
}

void PlainNetwork::update(double lr) {
  static_cast<torch::optim::SGDOptions&>(state_->optimizer->param_groups()[0].options()).lr(lr);
  state_->optimizer->step();
}

bool PlainNetwork::gradient_is(std::span<const float> gradient) const {
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
