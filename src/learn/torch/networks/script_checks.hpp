// Whether a TorchScript module can be trained here: tried before a run begins.
#pragma once

#include <string>
#include <vector>

#include "base/dataset.hpp"
#include "learn/torch/networks/script_network.hpp"

namespace detox {

/// What does not hinder training, and is seldom meant. InputError, without the module's path, where
/// its tensors, its answer or what a training pass does besides answering do not fit. Costs an
/// evaluating and three training passes over two samples.
std::vector<std::string> check_script(ScriptNetwork& network, ImageShape shape,
                                      std::size_t classes);

}  // namespace detox
