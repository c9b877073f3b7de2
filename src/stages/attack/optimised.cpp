// ALIE and IPM with the factor that hurts most. The vectors are those of Baruch, Baruch, Goldberg
// ("A little is enough", NeurIPS 2019): mean - tau * deviation, and of Xie, Koyejo, Gupta ("Fall of
// empires", UAI 2020): -tau * mean. As in ByzFL tau >= 0 is what a line search finds to maximise
// |defence(H and m copies of the vector) - mean(H)|, H the honest gradients of the slices that the
// colluders do not own and m those that they do. The copies stand in the places of their slices.
//
// Where they own none, nobody sees what they send, and tau is 0; where they own all, mean and
// deviation are those of the gradients that they replace. A tau for which the defence refuses the
// rows, or makes something of them that is not finite, is never chosen while another one is there.
//
// Cost: 20 times the defence over k rows and two more passes over d; 8 d (IPM) or 16 d bytes for
// the moments, 4 d for what the defence makes.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/assert.hpp"
#include "stages/attack/column_moments.hpp"
#include "stages/attack/line_search.hpp"
#include "stages/attack/registry.hpp"

namespace detox {
namespace {

enum class Vector { kBesideMean, kAgainstMean };

/// What is sent, for any tau.
class Line {
 public:
  Line(Vector vector, const Rows<float>& honest, ThreadPool& pool)
      : mean_(honest.d), deviation_(vector == Vector::kBesideMean ? honest.d : 0) {
    for_column_moments(honest, honest.d, pool, [&](const ColumnMoments& moments) {
      const auto begin = static_cast<std::ptrdiff_t>(moments.begin);
      std::ranges::copy(moments.mean, mean_.begin() + begin);
      if (!deviation_.empty()) std::ranges::copy(moments.deviation, deviation_.begin() + begin);
    });
  }

  void send(double tau, std::span<float> out, ThreadPool& pool) const {
    for_blocks(pool, [&](std::size_t begin, std::size_t end) {
      for (std::size_t c = begin; c < end; ++c) {
        out[c] = static_cast<float>(deviation_.empty() ? -tau * mean_[c]
                                                       : mean_[c] - tau * deviation_[c]);
      }
    });
  }

  /// The squared distance between the mean and a gradient, which may have fewer coordinates.
  double distance_from_mean(std::span<const float> gradient, ThreadPool& pool) const {
    std::vector<double> partial(moment_blocks(mean_.size()));
    for_blocks(pool, [&](std::size_t begin, std::size_t end) {
      double sum = 0;
      for (std::size_t c = begin; c < std::min(end, gradient.size()); ++c) {
        const double difference = static_cast<double>(gradient[c]) - mean_[c];
        sum += difference * difference;
      }
      partial[begin / kMomentColumns] = sum;
    });
    double total = 0;
    for (const double sum : partial) total += sum;
    return total;
  }

 private:
  template <class Work>
  void for_blocks(ThreadPool& pool, const Work& work) const {
    pool.parallel_for(moment_blocks(mean_.size()), [&](std::size_t block, std::size_t) {
      const std::size_t begin = block * kMomentColumns;
      work(begin, std::min(begin + kMomentColumns, mean_.size()));
    });
  }

  std::vector<double> mean_, deviation_;
};

class Optimised final : public Attack {
 public:
  explicit Optimised(Vector vector) : vector_(vector) {}
  bool needs_all_slices() const override { return true; }
  bool same_in_every_slice() const override { return true; }
  bool probes_defence() const override { return true; }
  void corrupt(const AttackInput& input, std::span<float> out, ThreadPool& pool) const override {
    DETOX_ASSERT(input.defence != nullptr && input.defence->d <= out.size());
    const auto rows = input.honest.row;
    std::vector<const float*> seen(rows.begin(), rows.end()), others;
    for (const std::uint32_t slice : input.owned) seen[slice] = out.data();
    std::ranges::copy_if(seen, std::back_inserter(others),
                         [&](const float* row) { return row != out.data(); });
    if (others.empty()) others.assign(rows.begin(), rows.end());
    const Line line(vector_, {others, out.size()}, pool);
    double tau = 0;
    if (!input.owned.empty()) {
      const std::size_t d = input.defence->d;
      std::vector<float> gradient(d);
      tau = line_maximum([&](double candidate) {
        constexpr double kRefused = -std::numeric_limits<double>::infinity();
        line.send(candidate, out, pool);
        if (!input.defence->aggregate({seen, d}, gradient)) return kRefused;
        const double distance = line.distance_from_mean(gradient, pool);
        return std::isfinite(distance) ? distance : kRefused;
      });
    }
    line.send(tau, out, pool);
  }

 private:
  Vector vector_;
};

}  // namespace

std::unique_ptr<Attack> make_alie_opt(const AttackOptions& /*options*/) {
  return std::make_unique<Optimised>(Vector::kBesideMean);
}

std::unique_ptr<Attack> make_ipm_opt(const AttackOptions& /*options*/) {
  return std::make_unique<Optimised>(Vector::kAgainstMean);
}

}  // namespace detox
