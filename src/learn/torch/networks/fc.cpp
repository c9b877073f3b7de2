// The fully connected network of DRACO's and DETOX's code: values -> 800 -> 500 -> classes with
// ReLU between. 1,033,510 parameters for images of 28x28 and 10 classes.
#include "learn/torch/networks/network.hpp"
#include "learn/torch/networks/registry.hpp"

namespace detox {
namespace {

class Fc final : public Network {
 public:
  Fc(std::int64_t values, std::int64_t classes)
      : fc1_(register_module("fc1", torch::nn::Linear(values, 800))),
        fc2_(register_module("fc2", torch::nn::Linear(800, 500))),
        fc3_(register_module("fc3", torch::nn::Linear(500, classes))) {}

  torch::Tensor forward(const torch::Tensor& images) override {
    const torch::Tensor flat = images.reshape({images.size(0), -1});
    return fc3_->forward(torch::relu(fc2_->forward(torch::relu(fc1_->forward(flat)))));
  }

 private:
  torch::nn::Linear fc1_, fc2_, fc3_;
};

}  // namespace

std::shared_ptr<Network> make_fc(ImageShape shape, std::size_t classes, int /*depth*/) {
  return std::make_shared<Fc>(static_cast<std::int64_t>(shape.values()),
                              static_cast<std::int64_t>(classes));
}

}  // namespace detox
