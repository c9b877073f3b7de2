// Inner-product manipulation. Xie, Koyejo, Gupta: "Fall of empires: breaking Byzantine-tolerant SGD
// by inner product manipulation", UAI 2020: every colluder sends c times the mean of the honest
// gradients, c < 0 (-epsilon in the paper; ByzFL's default is -2).
#include "stages/attack/column_moments.hpp"
#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class Ipm final : public Attack {
 public:
  explicit Ipm(const AttackOptions& options) : factor_(options.adversarial) {}
  bool needs_all_slices() const override { return true; }
  bool same_in_every_slice() const override { return true; }
  void corrupt(const AttackInput& input, std::span<float> out, ThreadPool& pool) const override {
    for_column_moments(input.honest, out.size(), pool, [&](const ColumnMoments& moments) {
      for (std::size_t i = 0; i < moments.mean.size(); ++i)
        out[moments.begin + i] = static_cast<float>(factor_ * moments.mean[i]);
    });
  }

 private:
  double factor_;
};

}  // namespace

std::unique_ptr<Attack> make_ipm(const AttackOptions& options) {
  return std::make_unique<Ipm>(options);
}

}  // namespace detox
