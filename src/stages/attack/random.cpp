// Gaussian attack (Blanchard et al., NeurIPS 2017): zero mean, deviation |c|. The draws come from
// (key, step, slice), so colluders in one slice send the same noise.
#include <algorithm>
#include <cmath>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class Random final : public Attack {
 public:
  explicit Random(const AttackOptions& options)
      : deviation_(static_cast<float>(std::abs(options.adversarial))) {}
  bool needs_own() const override { return false; }
  void corrupt(const AttackInput& input, std::span<float> out, ThreadPool& pool) const override {
    // Blocks have streams of their own: the noise is the same on any number of threads.
    pool.parallel_for((out.size() + kBlock - 1) / kBlock, [&](std::size_t block, std::size_t) {
      const std::size_t begin = block * kBlock;
      const auto part = out.subspan(begin, std::min(kBlock, out.size() - begin));
      RandomStream(derive_key(input.key, "random", {input.step, input.slice, block}))
          .fill_normal(part);
      for (float& value : part) value *= deviation_;
    });
  }

 private:
  static constexpr std::size_t kBlock = 1U << 16U;
  float deviation_;
};

}  // namespace

std::unique_ptr<Attack> make_random(const AttackOptions& options) {
  return std::make_unique<Random>(options);
}

// Random with another standard.
std::unique_ptr<Attack> make_gaussian(const AttackOptions& options) { return make_random(options); }

}  // namespace detox
