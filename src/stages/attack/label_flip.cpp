// Label flip. Tolpegin, Truex, Gursoy, Liu: "Data poisoning attacks against federated learning
// systems", ESORICS 2020, over all classes as in ByzFL: the gradient of the slice with label K - 1
// - y in the place of y, K the number of classes. Costs one more gradient of the slice.
#include <algorithm>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class LabelFlip final : public Attack {
 public:
  bool flips_labels() const override { return true; }
  void corrupt(const AttackInput& input, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    std::ranges::copy(input.own, out.begin());
  }
};

}  // namespace

std::unique_ptr<Attack> make_label_flip(const AttackOptions& /*options*/) {
  return std::make_unique<LabelFlip>();
}

}  // namespace detox
