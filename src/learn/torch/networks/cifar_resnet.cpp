// The CIFAR ResNets of He et al. 2015 (arXiv 1512.03385), section 4.2: 6n + 2 layers in three
// stages of 16, 32 and 64 channels, and shortcuts without parameters (option A): where a stage
// halves the image, every second pixel, with zeros for the new channels, half of them on either
// side. 0.27 million parameters for ResNet20, as published.
#include <array>

#include "base/assert.hpp"
#include "learn/torch/networks/layers.hpp"
#include "learn/torch/networks/network.hpp"
#include "learn/torch/networks/registry.hpp"

namespace detox {
namespace {

namespace nn = torch::nn;

class Block final : public nn::Module {
 public:
  Block(std::int64_t in, std::int64_t width)
      : added_(width - in),
        conv1_(register_module("conv1", convolution(in, width, 3, added_ > 0 ? 2 : 1))),
        bn1_(register_module("bn1", nn::BatchNorm2d(width))),
        conv2_(register_module("conv2", convolution(width, width, 3))),
        bn2_(register_module("bn2", nn::BatchNorm2d(width))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    torch::Tensor y = bn1_->forward(conv1_->forward(x)).relu_();
    y = bn2_->forward(conv2_->forward(y));
    y += shortcut(x);
    return torch::relu_(y);
  }

 private:
  torch::Tensor shortcut(const torch::Tensor& x) const {
    if (added_ == 0) return x;
    const torch::Tensor halved = x.slice(2, 0, c10::nullopt, 2).slice(3, 0, c10::nullopt, 2);
    return torch::constant_pad_nd(halved, {0, 0, 0, 0, added_ / 2, added_ / 2});
  }

  std::int64_t added_;
  nn::Conv2d conv1_;
  nn::BatchNorm2d bn1_;
  nn::Conv2d conv2_;
  nn::BatchNorm2d bn2_;
};

class CifarResNet final : public Network {
 public:
  CifarResNet(std::int64_t channels, std::int64_t classes, int depth)
      : conv1_(register_module("conv1", convolution(channels, kWidth, 3))),
        bn1_(register_module("bn1", nn::BatchNorm2d(kWidth))) {
    DETOX_ASSERT(depth % 6 == 2);
    std::int64_t in = kWidth;
    for (std::size_t stage = 0; stage < layers_.size(); ++stage) {
      nn::Sequential layer;
      for (int block = 0; block < depth / 6; ++block) {
        layer->push_back(std::make_shared<Block>(in, kWidth << stage));
        in = kWidth << stage;
      }
      layers_[stage] = register_module("layer" + std::to_string(stage + 1), layer);
    }
    fc_ = register_module("fc", nn::Linear(in, classes));
  }

  torch::Tensor forward(const torch::Tensor& images) override {
    torch::Tensor x = bn1_->forward(conv1_->forward(images)).relu_();
    for (nn::Sequential& layer : layers_) x = layer->forward(x);
    return fc_->forward(x.mean({2, 3}));
  }

 private:
  static constexpr std::int64_t kWidth = 16;

  nn::Conv2d conv1_;
  nn::BatchNorm2d bn1_;
  std::array<nn::Sequential, 3> layers_{nullptr, nullptr, nullptr};
  nn::Linear fc_{nullptr};
};

}  // namespace

std::shared_ptr<Network> make_cifar_resnet(ImageShape shape, std::size_t classes, int depth) {
  return std::make_shared<CifarResNet>(static_cast<std::int64_t>(shape.channels),
                                       static_cast<std::int64_t>(classes), depth);
}

}  // namespace detox
