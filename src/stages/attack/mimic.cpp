// Mimic. Karimireddy, He, Jaggi: "Byzantine-robust learning on heterogeneous datasets via
// bucketing", ICLR 2022: every colluder sends the honest gradient of one slice, number c from 0, so
// that this slice weighs more than its share. No row looks wrong.
#include <algorithm>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class Mimic final : public Attack {
 public:
  explicit Mimic(const AttackOptions& options)
      : slice_(static_cast<std::size_t>(std::max(options.adversarial, 0.0))) {}
  bool needs_all_slices() const override { return true; }
  bool same_in_every_slice() const override { return true; }
  void corrupt(const AttackInput& input, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    std::copy_n(input.honest.row[slice_ % input.honest.n()], out.size(), out.begin());
  }

 private:
  std::size_t slice_;
};

}  // namespace

std::unique_ptr<Attack> make_mimic(const AttackOptions& options) {
  return std::make_unique<Mimic>(options);
}

}  // namespace detox
