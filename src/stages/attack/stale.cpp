// A worker that missed its order, and answers to the one before once more: in step t for the
// samples of a slice of step t - 1. In step 1 it is honest. Such a fault leaves an old buffer in
// the place of a new one, with nothing wrong about it but its age (seen in the field: ROCm/aorta,
// issue 205).
//
// It computes with the weights of step t. The bytes that it sent in step t - 1 would need those of
// then, which a run that was resumed, a replay or a worker that joins late does not have: what is
// sent would depend on who was asked when. For the same reason which slice it had is drawn from
// (key, step, worker); under a random placement each is as likely in either case. Workers that drew
// the same slice send the same. Costs one gradient.
#include <algorithm>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class Stale final : public Attack {
 public:
  bool colludes() const override { return false; }
  bool strikes(const AttackInput& input) const override { return input.step > 1; }
  std::optional<StepSlice> other_batch(const AttackInput& input) const override {
    RandomStream stream(derive_key(input.key, "stale", {input.step - 1, input.worker}));
    return StepSlice{input.step - 1, stream.below(input.slices)};
  }
  void corrupt(const AttackInput& input, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    std::ranges::copy(input.own, out.begin());
  }
};

}  // namespace

std::unique_ptr<Attack> make_stale(const AttackOptions& /*options*/) {
  return std::make_unique<Stale>();
}

}  // namespace detox
