// A TorchScript module as a network: its tensors, each once, and its forward pass on one thread.
#pragma once

#include <torch/csrc/jit/api/module.h>

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
  /// Whether the module's own buffer is not what it was in the file any more.
  bool is_changed(const ConstantTensor& constant) const;
  const torch::jit::Module& module() const { return module_; }

  /// Each attribute that is neither parameter nor buffer, and a text that is another one where the
  /// value is another.
  std::vector<std::pair<std::string, std::string>> attributes() const;

 private:
  /// A place in a module where a buffer is, and the tensor that belongs there.
  struct Place {
    torch::jit::ObjectPtr object;
    std::size_t slot;
    std::string name;
    torch::Tensor tensor;
  };

  torch::jit::Module load() const;
  void collect();
  void collect_buffer(const std::string& name, const torch::Tensor& tensor);
  bool is_tied(const std::string& name, const torch::Tensor& tensor);
  void remember_places();

  std::string bytes_;
  torch::jit::Module module_;
  NamedTensors parameters_, buffers_;
  std::vector<TiedTensor> tied_;
  std::vector<ConstantTensor> constants_;
  NamedTensors seen_;  ///< parameters and buffers of any type, each once
  std::vector<Place> places_;
};

}  // namespace detox
