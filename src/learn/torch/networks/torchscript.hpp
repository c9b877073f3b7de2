// A network of the user's own: a TorchScript module in a file.
#pragma once

#include <memory>
#include <string>

#include "base/dataset.hpp"
#include "base/learner.hpp"

namespace detox {

class Network;

struct ScriptFile {
  std::shared_ptr<Network> network;
  ModelLayout described;  ///< all but what follows from the network's tensors
};

/// The module takes (count, channels, height, width) and answers (count, classes) logits, both
/// float32. InputError where the file is no TorchScript, or its parameters, buffers, answer or what
/// it keeps between passes do not fit. Loading a module is trusting it: TorchScript is a program.
ScriptFile load_torchscript(const std::string& path, ImageShape shape, std::size_t classes);

}  // namespace detox
