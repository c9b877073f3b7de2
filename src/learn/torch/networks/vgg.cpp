// VGG of Simonyan and Zisserman 2014 (arXiv 1409.1556) for small images: the published stacks of
// 3x3 convolutions, then one linear layer on 512 features in place of three of 4096, as DETOX's
// VGG13 and most CIFAR code has it. 9,416,010 parameters for VGG13 with batch norm and 10 classes.
#include <fmt/format.h>

#include "base/assert.hpp"
#include "detox/errors.hpp"
#include "learn/torch/networks/network.hpp"
#include "learn/torch/networks/registry.hpp"

namespace detox {
namespace {

namespace nn = torch::nn;

constexpr std::size_t kLeastVggSide = 32;  // five times halved
constexpr std::array<std::int64_t, 5> kWidths{64, 128, 256, 512, 512};

/// Convolutions before each of the five poolings.
std::array<int, 5> convolutions_of(int depth) {
  switch (depth) {
    case 11:
      return {1, 1, 2, 2, 2};
    case 13:
      return {2, 2, 2, 2, 2};
    case 16:
      return {2, 2, 3, 3, 3};
    default:
      DETOX_ASSERT(depth == 19);
      return {2, 2, 4, 4, 4};
  }
}

class Vgg final : public Network {
 public:
  Vgg(std::int64_t channels, std::int64_t classes, int depth, bool batch_norm) {
    std::int64_t in = channels;
    const std::array<int, 5> convolutions = convolutions_of(depth);
    for (std::size_t stage = 0; stage < convolutions.size(); ++stage) {
      for (int i = 0; i < convolutions[stage]; ++i) {
        features_->push_back(nn::Conv2d(nn::Conv2dOptions(in, kWidths[stage], 3).padding(1)));
        in = kWidths[stage];
        if (batch_norm) features_->push_back(nn::BatchNorm2d(in));
        features_->push_back(nn::ReLU(nn::ReLUOptions().inplace(true)));
      }
      features_->push_back(nn::MaxPool2d(nn::MaxPool2dOptions(2).stride(2)));
    }
    register_module("features", features_);
    classifier_ = register_module("classifier", nn::Linear(in, classes));
  }

  torch::Tensor forward(const torch::Tensor& images) override {
    return classifier_->forward(features_->forward(images).mean({2, 3}));
  }

 private:
  nn::Sequential features_;
  nn::Linear classifier_{nullptr};
};

std::shared_ptr<Network> make(ImageShape shape, std::size_t classes, int depth, bool batch_norm) {
  if (shape.height < kLeastVggSide || shape.width < kLeastVggSide) {
    throw UsageError(
        fmt::format("network VGG{} takes images of {}x{} or larger, and these are {}x{}", depth,
                    kLeastVggSide, kLeastVggSide, shape.height, shape.width));
  }
  return std::make_shared<Vgg>(static_cast<std::int64_t>(shape.channels),
                               static_cast<std::int64_t>(classes), depth, batch_norm);
}

}  // namespace

std::shared_ptr<Network> make_vgg(ImageShape shape, std::size_t classes, int depth) {
  return make(shape, classes, depth, true);
}

std::shared_ptr<Network> make_plain_vgg(ImageShape shape, std::size_t classes, int depth) {
  return make(shape, classes, depth, false);
}

}  // namespace detox
