// What the code of a TorchScript module tells before it runs.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

namespace detox {

/// Whether this slot of a module is a parameter, or a buffer that always holds a tensor: what a
/// state_dict carries.
bool is_carried(const c10::ClassType& module, std::size_t slot);

/// The first attribute, neither parameter nor buffer, that forward sets or writes to where it lies
/// ("layers.0.n"); empty for none. What is reached through other containers is not followed.
std::string attribute_set_by_forward(const torch::jit::Module& module);

/// Operations whose mode is a constant in the code of forward, as tracing leaves it; sorted, each
/// name once.
struct FixedModes {
  std::vector<std::string> training, evaluating;
};
FixedModes fixed_modes(const torch::jit::Module& module);

}  // namespace detox
