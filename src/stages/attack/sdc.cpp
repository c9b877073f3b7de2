// Silent data corruption: what broken hardware does. Tung et al.: "The anatomy of silent data
// corruption: GPU error pattern study and modeling guidance", DSN 2026 (arXiv 2605.04213) inject
// stuck-at faults into a data-center GPU: NaN and infinity are 1.01 % of what comes out, less than
// 40 % of the flips are of a single bit, and corrupt addresses come in periods of warps.
//
// Each machine has one fault for the whole run, drawn from (key, worker): the first coordinate,
// anywhere; 1 to 512 coordinates from there on, 32 to 1024 apart; the bits that are flipped in
// them, one with a probability of 3/8, else 2 to 8; and the share of the steps in which it shows, 1
// to 1/64. Sizes are powers of two, each as likely. A coordinate that is hit is NaN instead with a
// probability of 1/100. What the paper does not give (how long, how often, which bits) is our
// choice. One pass over d.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

/// How a machine is broken.
struct Fault {
  std::size_t period, hits;
  std::uint64_t one_step_in;
  std::uint32_t bits;
  std::size_t first;
};

Fault fault_of(const Key& key, std::uint32_t worker, std::size_t d) {
  constexpr std::size_t kWarp = 32;
  RandomStream stream(derive_key(key, "sdc", {worker}));
  Fault fault{.period = kWarp << stream.below(6),
              .hits = std::size_t{1} << stream.below(10),
              .one_step_in = std::uint64_t{1} << stream.below(7),
              .bits = 0,
              .first = 0};
  const auto flips = static_cast<int>(stream.below(8) < 3 ? 1 : 2 + stream.below(7));
  while (std::popcount(fault.bits) < flips) fault.bits |= std::uint32_t{1} << stream.below(32);
  fault.first = stream.below(std::max<std::size_t>(1, d));
  return fault;
}

class SilentCorruption final : public Attack {
 public:
  bool colludes() const override { return false; }
  bool strikes(const AttackInput& input) const override {
    const std::uint64_t one_step_in = fault_of(input.key, input.worker, 1).one_step_in;
    return RandomStream(derive_key(input.key, "sdc step", {input.step, input.worker}))
               .below(one_step_in) == 0;
  }
  void corrupt(const AttackInput& input, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    std::ranges::copy(input.own, out.begin());
    const Fault fault = fault_of(input.key, input.worker, out.size());
    RandomStream nan(derive_key(input.key, "sdc nan", {input.step, input.worker}));
    std::size_t i = fault.first;
    for (std::size_t hit = 0; hit < fault.hits && i < out.size(); ++hit, i += fault.period) {
      const auto flipped = std::bit_cast<float>(std::bit_cast<std::uint32_t>(out[i]) ^ fault.bits);
      out[i] = nan.below(100) == 0 ? std::numeric_limits<float>::quiet_NaN() : flipped;
    }
  }
};

}  // namespace

std::unique_ptr<Attack> make_sdc(const AttackOptions& /*options*/) {
  return std::make_unique<SilentCorruption>();
}

}  // namespace detox
