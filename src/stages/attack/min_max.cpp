// Min-Max and Min-Sum. Shejwalkar, Houmansadr: "Manipulating the Byzantine: optimizing model
// poisoning attacks and defenses for federated learning", NDSS 2021: every colluder sends m = mean
// - gamma * deviation of the honest gradients, with the greatest gamma for which m hides among
// them. Min-Max: no honest gradient is farther from m than two of them are from each other.
// Min-Sum: the sum of squared distances from m to the honest gradients is no greater than that from
// one of them.
//
// The paper searches gamma; here it is the root of a quadratic: with mu the mean and p =
// -deviation, |m - g_i|^2 = |mu - g_i|^2 + 2 gamma <p, mu - g_i> + gamma^2 |p|^2. Cost: the
// distances between the honest gradients, and two passes over them.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/pairwise.hpp"
#include "stages/attack/column_moments.hpp"
#include "stages/attack/registry.hpp"

namespace detox {
namespace {

/// Adds up what blocks found, (blocks, sums), in ascending order.
std::vector<double> add_blocks(std::span<const double> partial, std::size_t sums) {
  std::vector<double> total(sums);
  for (std::size_t k = 0; k < partial.size(); ++k) total[k % sums] += partial[k];
  return total;
}

/// What decides gamma.
struct Spread {
  std::vector<double> from_mean;  ///< (n) |mu - g_i|^2
  std::vector<double> along;      ///< (n) <p, mu - g_i>
  double direction = 0;           ///< |p|^2
  double greatest_distance = 0;   ///< max |g_i - g_j|^2
  double greatest_sum = 0;        ///< max over i of the sum over j of |g_i - g_j|^2
};

void add_distances(const Rows<float>& honest, ThreadPool& pool, Spread& spread) {
  const std::size_t n = honest.n(), pairs = pairwise_sums(n);
  const std::size_t chunks = (honest.d + kPairwiseChunk - 1) / kPairwiseChunk;
  std::vector<double> partial(chunks * pairs);
  pool.parallel_for(chunks, [&](std::size_t chunk, std::size_t) {
    pairwise_chunk(honest, chunk * kPairwiseChunk,
                   std::span(partial).subspan(chunk * pairs, pairs));
  });
  const std::vector<double> sums = add_blocks(partial, pairs);
  std::vector<double> to_others(n);
  double all = 0;
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      const double distance = sums[distance_index(i, j)];
      to_others[i] += distance;
      to_others[j] += distance;
      all += 2 * distance;
      spread.greatest_distance = std::max(spread.greatest_distance, distance);
    }
  }
  const auto count = static_cast<double>(n);
  for (const double sum : to_others) {
    spread.from_mean.push_back(sum / count - all / (2 * count * count));
    spread.greatest_sum = std::max(spread.greatest_sum, sum);
  }
}

void add_direction(const Rows<float>& honest, ThreadPool& pool, Spread& spread) {
  const std::size_t n = honest.n();
  std::vector<double> partial(moment_blocks(honest.d) * (n + 1));
  for_column_moments(honest, honest.d, pool, [&](const ColumnMoments& moments) {
    const std::span<double> found = std::span(partial).subspan(moments.block * (n + 1), n + 1);
    for (std::size_t c = 0; c < moments.mean.size(); ++c) {
      const double deviation = moments.deviation[c];
      for (std::size_t i = 0; i < n; ++i) {
        const auto value = static_cast<double>(honest.row[i][moments.begin + c]);
        found[i] -= deviation * (moments.mean[c] - value);
      }
      found[n] += deviation * deviation;
    }
  });
  const std::vector<double> sums = add_blocks(partial, n + 1);
  spread.along.assign(sums.begin(), sums.end() - 1);
  spread.direction = sums[n];
}

/// The greatest gamma with a + 2 gamma b + gamma^2 c <= limit; 0 where there is none.
double greatest_gamma(double a, double b, double c, double limit) {
  const double inside = b * b - c * (a - limit);
  return inside > 0 ? std::max((std::sqrt(inside) - b) / c, 0.0) : 0.0;
}

double gamma_of_max(const Spread& spread) {
  double gamma = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < spread.along.size(); ++i) {
    gamma = std::min(gamma, greatest_gamma(spread.from_mean[i], spread.along[i], spread.direction,
                                           spread.greatest_distance));
  }
  return gamma;
}

double gamma_of_sum(const Spread& spread) {
  double from_mean = 0, along = 0;
  for (const double distance : spread.from_mean) from_mean += distance;
  for (const double product : spread.along) along += product;
  return greatest_gamma(from_mean, along,
                        static_cast<double>(spread.along.size()) * spread.direction,
                        spread.greatest_sum);
}

class Hidden final : public Attack {
 public:
  explicit Hidden(double (*gamma)(const Spread&)) : gamma_(gamma) {}
  bool needs_all_slices() const override { return true; }
  bool same_in_every_slice() const override { return true; }
  void corrupt(const AttackInput& input, std::span<float> out, ThreadPool& pool) const override {
    const Rows<float> honest{input.honest.row, out.size()};
    Spread spread;
    add_distances(honest, pool, spread);
    add_direction(honest, pool, spread);
    const double gamma = spread.direction > 0 ? gamma_(spread) : 0;
    for_column_moments(honest, out.size(), pool, [&](const ColumnMoments& moments) {
      for (std::size_t c = 0; c < moments.mean.size(); ++c) {
        out[moments.begin + c] = static_cast<float>(moments.mean[c] - gamma * moments.deviation[c]);
      }
    });
  }

 private:
  double (*gamma_)(const Spread&);
};

}  // namespace

std::unique_ptr<Attack> make_min_max(const AttackOptions& /*options*/) {
  return std::make_unique<Hidden>(gamma_of_max);
}

std::unique_ptr<Attack> make_min_sum(const AttackOptions& /*options*/) {
  return std::make_unique<Hidden>(gamma_of_sum);
}

}  // namespace detox
