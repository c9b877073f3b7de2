// "A little is enough" (Baruch, Baruch, Goldberg, NeurIPS 2019): every colluder sends mean + sign *
// z * deviation of the honest values, coordinate by coordinate; the deviation has ddof 1 unless
// asked otherwise. The original DETOX adds the deviation (sign +1) and has ddof 0.
#include "stages/attack/alie.hpp"

#include <algorithm>
#include <cmath>

#include "base/normal.hpp"
#include "stages/attack/column_moments.hpp"
#include "stages/attack/registry.hpp"

namespace detox {

double alie_auto_z(std::size_t n, std::size_t m) {
  if (m >= n) return 0;
  const double honest = static_cast<double>(n - m);
  const std::size_t majority = n / 2 + 1;
  const double supporters = static_cast<double>(majority) - static_cast<double>(m);
  const double edge = 0.5 / honest;
  return inverse_normal_cdf(std::clamp((honest - supporters) / honest, edge, 1.0 - edge));
}

namespace {

class Alie final : public Attack {
 public:
  explicit Alie(const AttackOptions& options) : options_(options) {}
  bool needs_all_slices() const override { return true; }
  bool same_in_every_slice() const override { return true; }
  void corrupt(const AttackInput& input, std::span<float> out, ThreadPool& pool) const override {
    const double z = options_.alie_sign *
                     options_.alie_z.value_or(alie_auto_z(input.rows, input.corrupted)) *
                     from_ddof_1(input.honest.n());
    for_column_moments(input.honest, out.size(), pool, [&](const ColumnMoments& moments) {
      for (std::size_t i = 0; i < moments.mean.size(); ++i) {
        out[moments.begin + i] = static_cast<float>(moments.mean[i] + z * moments.deviation[i]);
      }
    });
  }

 private:
  /// What turns a deviation of ddof 1 over n values into the one that is asked for.
  double from_ddof_1(std::size_t n) const {
    if (options_.alie_ddof == 1 || n < 2) return 1;
    return std::sqrt(static_cast<double>(n - 1) / static_cast<double>(n));
  }

  AttackOptions options_;
};

}  // namespace

std::unique_ptr<Attack> make_alie(const AttackOptions& options) {
  return std::make_unique<Alie>(options);
}

}  // namespace detox
