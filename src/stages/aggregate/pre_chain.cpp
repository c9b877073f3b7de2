#include "stages/aggregate/pre_chain.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "stages/aggregate/distance_to_point.hpp"
#include "stages/aggregate/slots.hpp"

namespace detox {
namespace {

/// to (a, c) = left (a, b) times right (b, c).
void multiply(std::span<const double> left, std::span<const double> right, std::size_t b,
              std::span<double> to) {
  const std::size_t a = left.size() / b, c = right.size() / b;
  std::ranges::fill(to, 0.0);
  for (std::size_t i = 0; i < a; ++i) {
    for (std::size_t j = 0; j < b; ++j) {
      const double factor = left[i * b + j];
      for (std::size_t k = 0; k < c && factor != 0; ++k) to[i * c + k] += factor * right[j * c + k];
    }
  }
}

/// Memory for all steps over m rows; what one step reads and what it writes take turns.
class ChainMemory {
 public:
  ChainMemory(std::size_t m, Workspace& workspace)
      : m_(m),
        mix_(workspace.take<double>(AggregateSlot::kMix, 3 * m * m)),
        geometry_(
            workspace.take<double>(AggregateSlot::kMixGeometry, 2 * (m * m + m) + m * (m + 1))),
        owners_(workspace.take<std::uint32_t>(AggregateSlot::kOwners, 2 * m)) {}

  std::span<double> weights() const { return mix_.first(m_ * m_); }
  std::span<double> mix(std::size_t step) const {
    return mix_.subspan((1 + step % 2) * m_ * m_, m_ * m_);
  }
  GeometryStorage geometry(std::size_t step) const {
    const std::size_t one = m_ * m_ + m_, begin = step % 2 * one;
    return {geometry_.subspan(begin, m_ * m_), geometry_.subspan(begin + m_ * m_, m_),
            geometry_.subspan(2 * one, m_ * (m_ + 1))};
  }
  std::span<std::uint32_t> owners() const { return owners_.first(m_); }
  std::span<std::uint32_t> owners_of_step() const { return owners_.subspan(m_, m_); }

 private:
  std::size_t m_;
  std::span<double> mix_, geometry_;
  std::span<std::uint32_t> owners_;
};

template <class T>
void apply_steps(const Chain& chain, const Rows<T>& rows, AggregationContext& context,
                 Mixture<T>& mixture) {
  const ChainMemory memory(rows.n(), context.workspace);
  Points<T>& points = mixture.points;
  points = {rows, {}, nullptr};
  std::iota(memory.owners().begin(), memory.owners().end(), 0U);
  for (std::size_t step = 0; step < chain.steps.size(); ++step) {
    const bool norms_do = points.geometry == nullptr && !chain.steps[step]->needs_distances();
    const Geometry before = norms_do ? Geometry{points.n(), {}, squared_norms(points, context)}
                                     : measure(points, context);
    const std::size_t n = before.n, after = chain.points_after(step, n);
    const std::span<double> weights = memory.weights().first(after * n);
    const std::span<double> mix = memory.mix(step).first(after * rows.n());
    std::ranges::fill(weights, 0.0);
    chain.steps[step]->mix(before, context, weights, memory.owners_of_step().first(n));
    if (points.is_mixed()) {
      multiply(weights, points.mix, n, mix);
    } else {
      std::ranges::copy(weights, mix.begin());
    }
    points.mix = mix;
    points.geometry = nullptr;
    if (chain.steps[step]->takes_means()) {
      mixture.geometry = geometry_of_means(before, weights, memory.geometry(step));
      points.geometry = &mixture.geometry;
    }
    for (std::uint32_t& owner : memory.owners()) owner = memory.owners_of_step()[owner];
  }
  mixture.owners = memory.owners();
}

}  // namespace

void apply(const Chain& chain, const Rows<float>& rows, AggregationContext& context,
           Mixture<float>& mixture) {
  apply_steps(chain, rows, context, mixture);
}
void apply(const Chain& chain, const Rows<double>& rows, AggregationContext& context,
           Mixture<double>& mixture) {
  apply_steps(chain, rows, context, mixture);
}

void report_on_rows(std::span<const double> mix, std::span<const std::uint32_t> owners,
                    AggregationReport& report) {
  const std::size_t m = owners.size(), n = mix.size() / m;
  AggregationReport of_rows;
  std::vector<bool> is_used(m);
  if (!report.weights.empty()) of_rows.weights.resize(m);
  for (std::size_t i = 0; i < n; ++i) {
    const bool is_selected = std::ranges::binary_search(report.selected, i);
    for (std::size_t j = 0; j < m; ++j) {
      const double share = mix[i * m + j];
      if (!report.weights.empty()) of_rows.weights[j] += report.weights[i] * share;
      if (is_selected && share != 0) is_used[j] = true;
    }
  }
  for (std::size_t j = 0; j < m; ++j) {
    const std::size_t owner = owners[j];
    if (!report.scores.empty()) of_rows.scores.push_back(report.scores[owner]);
    if (is_used[j]) {
      of_rows.selected.push_back(j);
      continue;
    }
    const auto rejection =
        std::ranges::find(report.rejected, owner, &AggregationReport::Rejection::row);
    if (rejection == report.rejected.end()) continue;
    const std::span<const double> shares = mix.subspan(owner * m, m);
    const bool is_mean = std::ranges::count_if(shares, [](double s) { return s != 0; }) > 1;
    of_rows.rejected.push_back({j, (is_mean ? "a mean with this row: " : "") + rejection->reason});
  }
  report = std::move(of_rows);
}

}  // namespace detox
