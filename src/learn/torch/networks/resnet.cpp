// ResNets of He et al. 2015 (arXiv 1512.03385) for small images: the ImageNet networks of 18 to 152
// layers with a stem of one 3x3 convolution of stride 1 and no pooling, as DETOX's and most CIFAR
// code has them. Names of parameters are torchvision's. 11,173,962 parameters for ResNet18 and 10
// classes.
#include <array>

#include "base/assert.hpp"
#include "learn/torch/networks/layers.hpp"
#include "learn/torch/networks/network.hpp"
#include "learn/torch/networks/registry.hpp"

namespace detox {
namespace {

namespace nn = torch::nn;

/// 1x1 convolution and batch norm where a block changes its shape; empty where it does not.
nn::Sequential make_downsample(std::int64_t in, std::int64_t out, std::int64_t stride) {
  if (stride == 1 && in == out) return nullptr;
  return nn::Sequential(convolution(in, out, 1, stride), nn::BatchNorm2d(out));
}

class BasicBlock final : public nn::Module {
 public:
  static constexpr std::int64_t kExpansion = 1;

  BasicBlock(std::int64_t in, std::int64_t width, std::int64_t stride)
      : conv1_(register_module("conv1", convolution(in, width, 3, stride))),
        bn1_(register_module("bn1", nn::BatchNorm2d(width))),
        conv2_(register_module("conv2", convolution(width, width, 3))),
        bn2_(register_module("bn2", nn::BatchNorm2d(width))),
        downsample_(make_downsample(in, width, stride)) {
    if (downsample_) register_module("downsample", downsample_);
  }

  torch::Tensor forward(const torch::Tensor& x) {
    torch::Tensor y = bn1_->forward(conv1_->forward(x)).relu_();
    y = bn2_->forward(conv2_->forward(y));
    y += downsample_ ? downsample_->forward(x) : x;
    return torch::relu_(y);
  }

 private:
  nn::Conv2d conv1_;
  nn::BatchNorm2d bn1_;
  nn::Conv2d conv2_;
  nn::BatchNorm2d bn2_;
  nn::Sequential downsample_;
};

class Bottleneck final : public nn::Module {
 public:
  static constexpr std::int64_t kExpansion = 4;

  Bottleneck(std::int64_t in, std::int64_t width, std::int64_t stride)
      : conv1_(register_module("conv1", convolution(in, width, 1))),
        bn1_(register_module("bn1", nn::BatchNorm2d(width))),
        conv2_(register_module("conv2", convolution(width, width, 3, stride))),
        bn2_(register_module("bn2", nn::BatchNorm2d(width))),
        conv3_(register_module("conv3", convolution(width, kExpansion * width, 1))),
        bn3_(register_module("bn3", nn::BatchNorm2d(kExpansion * width))),
        downsample_(make_downsample(in, kExpansion * width, stride)) {
    if (downsample_) register_module("downsample", downsample_);
  }

  torch::Tensor forward(const torch::Tensor& x) {
    torch::Tensor y = bn1_->forward(conv1_->forward(x)).relu_();
    y = bn2_->forward(conv2_->forward(y)).relu_();
    y = bn3_->forward(conv3_->forward(y));
    y += downsample_ ? downsample_->forward(x) : x;
    return torch::relu_(y);
  }

 private:
  nn::Conv2d conv1_;
  nn::BatchNorm2d bn1_;
  nn::Conv2d conv2_;
  nn::BatchNorm2d bn2_;
  nn::Conv2d conv3_;
  nn::BatchNorm2d bn3_;
  nn::Sequential downsample_;
};

using Blocks = std::array<int, 4>;

template <class Block>
class ResNet final : public Network {
 public:
  ResNet(std::int64_t channels, std::int64_t classes, const Blocks& blocks) {
    conv1_ = register_module("conv1", convolution(channels, kWidth, 3));
    bn1_ = register_module("bn1", nn::BatchNorm2d(kWidth));
    std::int64_t in = kWidth;
    for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
      const std::int64_t width = kWidth << stage;
      nn::Sequential layer;
      for (int block = 0; block < blocks[stage]; ++block) {
        const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
        layer->push_back(std::make_shared<Block>(in, width, stride));
        in = Block::kExpansion * width;
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
  static constexpr std::int64_t kWidth = 64;

  nn::Conv2d conv1_{nullptr};
  nn::BatchNorm2d bn1_{nullptr};
  std::array<nn::Sequential, 4> layers_{nullptr, nullptr, nullptr, nullptr};
  nn::Linear fc_{nullptr};
};

Blocks blocks_of(int depth) {
  switch (depth) {
    case 18:
      return {2, 2, 2, 2};
    case 34:
    case 50:
      return {3, 4, 6, 3};
    case 101:
      return {3, 4, 23, 3};
    default:
      DETOX_ASSERT(depth == 152);
      return {3, 8, 36, 3};
  }
}

}  // namespace

std::shared_ptr<Network> make_resnet(ImageShape shape, std::size_t classes, int depth) {
  const auto channels = static_cast<std::int64_t>(shape.channels);
  const auto outputs = static_cast<std::int64_t>(classes);
  if (depth < 50) return std::make_shared<ResNet<BasicBlock>>(channels, outputs, blocks_of(depth));
  return std::make_shared<ResNet<Bottleneck>>(channels, outputs, blocks_of(depth));
}

}  // namespace detox
