// The control: Byzantine workers that behave.
#include <algorithm>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class NoAttack final : public Attack {
 public:
  bool is_honest() const override { return true; }
  void corrupt(const AttackInput& input, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    std::copy(input.own.begin(), input.own.end(), out.begin());
  }
};

}  // namespace

std::unique_ptr<Attack> make_none(const AttackOptions& /*options*/) {
  return std::make_unique<NoAttack>();
}

}  // namespace detox
