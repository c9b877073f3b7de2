// Values that are not finite in every coordinate: +infinity, or NaN. What a defence makes of them
// is in docs/rules.md.
#include <algorithm>
#include <limits>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class Everywhere final : public Attack {
 public:
  explicit Everywhere(float value) : value_(value) {}
  bool same_in_every_slice() const override { return true; }
  bool needs_own() const override { return false; }
  void corrupt(const AttackInput& /*input*/, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    std::ranges::fill(out, value_);
  }

 private:
  float value_;
};

}  // namespace

std::unique_ptr<Attack> make_infinity(const AttackOptions& /*options*/) {
  return std::make_unique<Everywhere>(std::numeric_limits<float>::infinity());
}

std::unique_ptr<Attack> make_nan(const AttackOptions& /*options*/) {
  return std::make_unique<Everywhere>(std::numeric_limits<float>::quiet_NaN());
}

}  // namespace detox
