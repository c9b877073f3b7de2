// Records a training run of a learner for reference_loop.py, which repeats it in PyTorch.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/learner.hpp"
#include "learn/samples.hpp"

namespace detox::test {

struct SgdOptions {
  float lr = 0.01F;
  float momentum = 0.9F;
  float weight_decay = 0.0F;
  bool nesterov = false;
};

/// Trains one step a batch with SGD as PyTorch defines it and writes manifest.json and all it names
/// into directory; evaluates on `held_out` before the first and after the last step. Ten classes.
void record_run(const std::filesystem::path& directory, std::string_view network,
                const std::vector<Samples>& batches, const Samples& held_out,
                const SgdOptions& options, ImageShape shape = kGrey28);

/// What reference_loop.py says about the directory.
struct Verdict {
  int exit_code = -1;
  std::string output;
};
Verdict compare_with_pytorch(const std::filesystem::path& directory, double loss_tolerance,
                             double weight_tolerance);

}  // namespace detox::test
