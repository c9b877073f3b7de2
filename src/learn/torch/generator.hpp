// libtorch's random generator, one for the whole process: whoever draws from it seeds it first and
// is alone with it, or the numbers depend on what other threads do.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

namespace detox {

using Forward = std::function<torch::Tensor()>;

/// What the generator's next numbers follow from: also the normal deviates that it keeps.
torch::Tensor generator_state();

/// Calls forward with a generator of this seed, while nobody else in this process uses it.
torch::Tensor forward_alone(std::uint64_t seed, const Forward& forward);

/// Runs one network whose code does not tell whether it draws: whether the generator moved does.
/// One that has drawn is run alone and seeded from then on; until then passes of many threads go on
/// together. Costs two copies of the generator's state (5 KB) a pass.
class SeededForward {
 public:
  /// What forward answers depends on the seed alone, if on anything but its input. Where it turns
  /// out to draw it is called once more, after `restore` has undone what the first call changed.
  torch::Tensor run(std::uint64_t seed, const Forward& forward,
                    const std::function<void()>& restore);

 private:
  bool draws_ = false;
};

}  // namespace detox
