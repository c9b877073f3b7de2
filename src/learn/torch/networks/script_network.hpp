// A TorchScript module as a network: its tensors, each once, and its forward pass on one thread.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/learner.hpp"
#include "learn/torch/networks/network.hpp"

namespace detox {

class ScriptNetwork final : public Network {
 public:
  /// `bytes` are a file's. Throws what libtorch throws where it cannot load them, and InputError
  /// where two parameters or buffers share a part of their memory.
  explicit ScriptNetwork(std::string bytes);

  torch::Tensor forward(const torch::Tensor& images) override;
  /// InputError with the name of what forward has changed and may not: it would be lost, or differ
  /// from worker to worker.
  void settle() override;
  /// What has no gradient counts as a buffer.
  NamedTensors trained() const override;
  NamedTensors buffered() const override { return buffers_; }
  void initialise(const Key& key) override;
  bool may_draw() const override { return true; }
  void train(bool on = true) override;

  const std::vector<TiedTensor>& tied() const { return tied_; }
  /// Buffers of types that nobody computes gradients, votes or counts with.
  const std::vector<ConstantTensor>& constants() const { return constants_; }
  const torch::jit::Module& module() const { return module_; }

  /// InputError: forward changes this attribute.
  [[noreturn]] static void refuse_state(const std::string& name);

 private:
  /// A place in a module where a buffer is, and the tensor that belongs there.
  struct Place {
    torch::jit::ObjectPtr object;
    std::size_t slot;
    std::string name;
    torch::Tensor tensor;
  };

  /// An attribute that is neither parameter nor buffer. No tensor of its value is freed before
  /// the next look, so that no other one can have its address.
  struct Attribute {
    torch::jit::ObjectPtr object;
    std::size_t slot;
    std::string name, before;
    std::vector<torch::Tensor> held;
  };

  /// A parameter, or a buffer of integers, and its count of changes in place. Of integers also the
  /// values: those that forward writes again are no change.
  struct Fixed {
    std::string name;
    torch::Tensor tensor, values;
    std::uint32_t version;
  };

  torch::jit::Module load() const;
  void collect();
  void collect_buffer(const std::string& name, const torch::Tensor& tensor);
  bool is_tied(const std::string& name, const torch::Tensor& tensor);
  void remember_places();
  void remember_attributes(const torch::jit::ObjectPtr& object, const std::string& prefix);
  void look_before_forward();
  void check_after_forward() const;

  std::string bytes_;
  torch::jit::Module module_;
  NamedTensors parameters_, buffers_;
  std::vector<TiedTensor> tied_;
  std::vector<ConstantTensor> constants_;
  NamedTensors seen_;  ///< parameters and buffers of any type, each once
  std::vector<Place> places_;
  std::vector<Attribute> attributes_;
  std::vector<Fixed> fixed_;
};

}  // namespace detox
