// Constant attack: every coordinate is c. One pass over d.
#include <algorithm>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class Constant final : public Attack {
 public:
  explicit Constant(const AttackOptions& options)
      : value_(static_cast<float>(options.adversarial)) {}
  bool same_in_every_slice() const override { return true; }
  bool needs_own() const override { return false; }
  void corrupt(const AttackInput& /*input*/, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    std::fill(out.begin(), out.end(), value_);
  }

 private:
  float value_;
};

}  // namespace

std::unique_ptr<Attack> make_constant(const AttackOptions& options) {
  return std::make_unique<Constant>(options);
}

}  // namespace detox
