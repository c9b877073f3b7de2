// DenseNet121 of Huang et al. 2016 (arXiv 1608.06993), growth rate 32, for small images: a stem of
// one 3x3 convolution of stride 1, without its batch norm and pooling, as DETOX's code has it.
// Names of parameters are torchvision's. 6,956,298 parameters for 10 classes.
#include <fmt/format.h>

#include <array>

#include "base/assert.hpp"
#include "detox/errors.hpp"
#include "learn/torch/networks/layers.hpp"
#include "learn/torch/networks/network.hpp"
#include "learn/torch/networks/registry.hpp"

namespace detox {
namespace {

namespace nn = torch::nn;

constexpr std::size_t kLeastDenseNetSide = 8;  // three times halved
constexpr std::int64_t kGrowth = 32;

class DenseLayer final : public nn::Module {
 public:
  explicit DenseLayer(std::int64_t in)
      : norm1_(register_module("norm1", nn::BatchNorm2d(in))),
        conv1_(register_module("conv1", convolution(in, 4 * kGrowth, 1))),
        norm2_(register_module("norm2", nn::BatchNorm2d(4 * kGrowth))),
        conv2_(register_module("conv2", convolution(4 * kGrowth, kGrowth, 3))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    const torch::Tensor y = conv1_->forward(norm1_->forward(x).relu_());
    return torch::cat({x, conv2_->forward(norm2_->forward(y).relu_())}, 1);
  }

 private:
  nn::BatchNorm2d norm1_;
  nn::Conv2d conv1_;
  nn::BatchNorm2d norm2_;
  nn::Conv2d conv2_;
};

/// A Sequential that can stand in another one: those take no templates.
class DenseBlock final : public nn::SequentialImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x) { return nn::SequentialImpl::forward(x); }
};

class Transition final : public nn::Module {
 public:
  explicit Transition(std::int64_t in)
      : norm_(register_module("norm", nn::BatchNorm2d(in))),
        conv_(register_module("conv", convolution(in, in / 2, 1))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    return torch::avg_pool2d(conv_->forward(norm_->forward(x).relu_()), {2, 2}, {2, 2});
  }

 private:
  nn::BatchNorm2d norm_;
  nn::Conv2d conv_;
};

class DenseNet final : public Network {
 public:
  DenseNet(std::int64_t channels, std::int64_t classes) {
    constexpr std::array kLayers{6, 12, 24, 16};
    std::int64_t width = 2 * kGrowth;
    features_->push_back("conv0", convolution(channels, width, 3));
    for (std::size_t block = 0; block < kLayers.size(); ++block) {
      const auto layers = std::make_shared<DenseBlock>();
      for (int layer = 1; layer <= kLayers[block]; ++layer) {
        layers->push_back(fmt::format("denselayer{}", layer), std::make_shared<DenseLayer>(width));
        width += kGrowth;
      }
      features_->push_back(fmt::format("denseblock{}", block + 1), layers);
      if (block + 1 == kLayers.size()) break;
      features_->push_back(fmt::format("transition{}", block + 1),
                           std::make_shared<Transition>(width));
      width /= 2;
    }
    features_->push_back("norm5", nn::BatchNorm2d(width));
    register_module("features", features_);
    classifier_ = register_module("classifier", nn::Linear(width, classes));
  }

  torch::Tensor forward(const torch::Tensor& images) override {
    return classifier_->forward(features_->forward(images).relu_().mean({2, 3}));
  }

 private:
  nn::Sequential features_;
  nn::Linear classifier_{nullptr};
};

}  // namespace

std::shared_ptr<Network> make_densenet(ImageShape shape, std::size_t classes, int depth) {
  DETOX_ASSERT(depth == 121);
  if (shape.height < kLeastDenseNetSide || shape.width < kLeastDenseNetSide) {
    throw UsageError(
        fmt::format("network DenseNet{} takes images of {}x{} or larger, and these are {}x{}",
                    depth, kLeastDenseNetSide, kLeastDenseNetSide, shape.height, shape.width));
  }
  return std::make_shared<DenseNet>(static_cast<std::int64_t>(shape.channels),
                                    static_cast<std::int64_t>(classes));
}

}  // namespace detox
