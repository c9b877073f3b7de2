// "A little is enough" (Baruch, Baruch, Goldberg, NeurIPS 2019): every colluder sends mean + sign *
// z * deviation of the honest values, coordinate by coordinate; the deviation has ddof 1, as in the
// original DETOX. Two passes over the honest rows in double, so that the deviation is accurate
// beside a large mean.
#include "stages/attack/alie.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/normal.hpp"
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
    const double z =
        options_.alie_sign * options_.alie_z.value_or(alie_auto_z(input.rows, input.corrupted));
    pool.parallel_for((out.size() + kBlock - 1) / kBlock, [&](std::size_t block, std::size_t) {
      const std::size_t begin = block * kBlock;
      corrupt_block(input.honest, begin, out.subspan(begin, std::min(kBlock, out.size() - begin)),
                    z);
    });
  }

 private:
  static constexpr std::size_t kBlock = 1024;

  static void corrupt_block(const Rows<float>& honest, std::size_t begin, std::span<float> out,
                            double z) {
    double mean[kBlock] = {}, squares[kBlock] = {};
    const auto n = static_cast<double>(honest.n());
    for (const float* row : honest.row) {
      for (std::size_t i = 0; i < out.size(); ++i) mean[i] += static_cast<double>(row[begin + i]);
    }
    for (std::size_t i = 0; i < out.size(); ++i) mean[i] /= n;
    for (const float* row : honest.row) {
      for (std::size_t i = 0; i < out.size(); ++i) {
        const double difference = static_cast<double>(row[begin + i]) - mean[i];
        squares[i] += difference * difference;
      }
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double deviation = honest.n() > 1 ? std::sqrt(squares[i] / (n - 1)) : 0.0;
      out[i] = static_cast<float>(mean[i] + z * deviation);
    }
  }

  AttackOptions options_;
};

}  // namespace

std::unique_ptr<Attack> make_alie(const AttackOptions& options) {
  return std::make_unique<Alie>(options);
}

}  // namespace detox
