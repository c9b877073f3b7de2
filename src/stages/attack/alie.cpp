// "A little is enough" (Baruch, Baruch, Goldberg, NeurIPS 2019): every colluder sends mean + sign *
// z * deviation of the honest values, coordinate by coordinate; the deviation has ddof 1 unless
// asked otherwise. The original DETOX adds the deviation (sign +1) and has ddof 0.
#include "stages/attack/alie.hpp"

#include <fmt/format.h>

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

/// z for one corrupt row and for the most that leave an honest one.
std::string alie_notice(std::size_t n, std::size_t most) {
  const std::size_t worst = std::min(most, n - 1), first = std::min<std::size_t>(1, worst);
  const double of_one = alie_auto_z(n, first), of_most = alie_auto_z(n, worst);
  std::string values = fmt::format("{:.4f} with {}", of_one, first);
  if (worst > first) values += fmt::format(" and {:.4f} with {}", of_most, worst);
  const bool is_weak = std::min(of_one, of_most) <= 0;
  return fmt::format("{}--alie-z auto is {} of n={} rows corrupt{}", is_weak ? "warning: " : "",
                     values, n,
                     is_weak ? "; at 0 or below it affords nothing beyond the mean" : "");
}

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

std::vector<std::string> notices_alie(const AttackOptions& options, std::size_t rows,
                                      std::size_t most_owned) {
  std::vector<std::string> lines;
  if (options.alie_z) return lines;
  if (rows > 1 || most_owned == 0) lines.push_back(alie_notice(rows, most_owned));
  if (most_owned >= rows) {
    lines.push_back(
        fmt::format("warning: where the attackers own all of n={} rows, no honest row is left to "
                    "hide among and --alie-z auto is 0",
                    rows));
  }
  return lines;
}

}  // namespace detox
