// Reversed gradient: c times the honest gradient, c = -100 in DRACO and DETOX. One pass over d.
#include <algorithm>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class RevGrad final : public Attack {
 public:
  explicit RevGrad(const AttackOptions& options)
      : factor_(static_cast<float>(options.adversarial)) {}
  void corrupt(const AttackInput& input, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    std::transform(input.own.begin(), input.own.end(), out.begin(),
                   [this](float g) { return factor_ * g; });
  }

 private:
  float factor_;
};

}  // namespace

std::unique_ptr<Attack> make_rev_grad(const AttackOptions& options) {
  return std::make_unique<RevGrad>(options);
}

}  // namespace detox
