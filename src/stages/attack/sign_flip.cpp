// Sign flip. Li, Xu, Chen, Giannakis, Ling: "RSA: Byzantine-robust stochastic aggregation methods
// for distributed learning from heterogeneous datasets", AAAI 2019: the honest gradient with the
// other sign. One pass over d.
#include <algorithm>
#include <functional>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class SignFlip final : public Attack {
 public:
  void corrupt(const AttackInput& input, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    std::ranges::transform(input.own, out.begin(), std::negate<>());
  }
};

}  // namespace

std::unique_ptr<Attack> make_sign_flip(const AttackOptions& /*options*/) {
  return std::make_unique<SignFlip>();
}

}  // namespace detox
