// LeNet as in DRACO's and DETOX's code: conv 5x5 to 20 channels, max-pool, ReLU, conv 5x5 to 50
// channels, max-pool, ReLU, 800 -> 500 -> classes, and nothing between the last two. 431,080
// parameters for 10 classes. LeCun et al. 1998 have fewer channels, subsampling with weights and
// sigmoids.
#include <fmt/format.h>

#include "detox/errors.hpp"
#include "learn/torch/networks/network.hpp"
#include "learn/torch/networks/registry.hpp"

namespace detox {
namespace {

constexpr std::size_t kLeastLeNetSide = 16;

/// What is left of a side of the image after two convolutions and poolings.
std::int64_t side_after(std::size_t side) {
  return (static_cast<std::int64_t>(side) - 4) / 2 / 2 - 2;
}

class LeNet final : public Network {
 public:
  LeNet(std::int64_t channels, std::int64_t features, std::int64_t classes)
      : conv1_(register_module("conv1", torch::nn::Conv2d(channels, 20, 5))),
        conv2_(register_module("conv2", torch::nn::Conv2d(20, 50, 5))),
        fc1_(register_module("fc1", torch::nn::Linear(features, 500))),
        fc2_(register_module("fc2", torch::nn::Linear(500, classes))) {}

  torch::Tensor forward(const torch::Tensor& images) override {
    torch::Tensor x = torch::relu(torch::max_pool2d(conv1_->forward(images), {2, 2}, {2, 2}));
    x = torch::relu(torch::max_pool2d(conv2_->forward(x), {2, 2}, {2, 2}));
    return fc2_->forward(fc1_->forward(x.reshape({x.size(0), -1})));
  }

 private:
  torch::nn::Conv2d conv1_, conv2_;
  torch::nn::Linear fc1_, fc2_;
};

}  // namespace

std::shared_ptr<Network> make_lenet(ImageShape shape, std::size_t classes, int /*depth*/) {
  if (shape.height < kLeastLeNetSide || shape.width < kLeastLeNetSide) {
    throw UsageError(fmt::format(
        "network LeNet takes images of {0}x{0} or larger, and these are {1}x{2}; FC takes any size",
        kLeastLeNetSide, shape.height, shape.width));
  }
  return std::make_shared<LeNet>(static_cast<std::int64_t>(shape.channels),
                                 50 * side_after(shape.height) * side_after(shape.width),
                                 static_cast<std::int64_t>(classes));
}

}  // namespace detox
