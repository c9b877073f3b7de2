#include "stages/aggregate/pre_chain.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "stages/aggregate/distance_to_point.hpp"
#include "stages/aggregate/geometry_of_means.hpp"
#include "stages/aggregate/geometry_rule.hpp"

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

/// Memory for what steps over m rows write, and read from the step before: these two take turns.
class ChainMemory {
 public:
  ChainMemory(std::size_t m, Workspace::Scope& scratch)
      : m_(m),
        mix_(scratch.take<double>(2 * m * m)),
        geometry_(scratch.take<double>(2 * (m * m + m))) {}

  std::span<double> mix(std::size_t step) const {
    return mix_.subspan(step % 2 * m_ * m_, m_ * m_);
  }
  GeometryStorage geometry(std::size_t step, std::span<double> products) const {
    const std::size_t begin = step % 2 * (m_ * m_ + m_);
    return {geometry_.subspan(begin, m_ * m_), geometry_.subspan(begin + m_ * m_, m_), products};
  }

 private:
  std::size_t m_;
  std::span<double> mix_, geometry_;
};

/// What a step sees of the points: norms alone, where these will do and nothing is known.
template <class T>
Geometry look_at(const Points<T>& points, const PreAggregator& step, AggregationContext& context,
                 Workspace::Scope& scratch) {
  if (points.geometry != nullptr || step.needs_distances())
    return measure(points, context, scratch);
  const auto norms = scratch.take<double>(points.n());
  squared_norms(points, norms, context);
  return {points.n(), {}, norms};
}

template <class T>
void apply_steps(const Chain& chain, const Points<T>& rows, AggregationContext& context,
                 Workspace::Scope& scratch, Mixture<T>& mixture) {
  const ChainMemory memory(rows.n(), scratch);
  const auto owners = scratch.take<std::uint32_t>(rows.n());
  Points<T>& points = mixture.points;
  points = {rows.rows, {}, nullptr, {}, rows.narrow};
  std::iota(owners.begin(), owners.end(), 0U);
  for (std::size_t step = 0; step < chain.steps.size(); ++step) {
    Workspace::Scope of_step(context.workspace);
    const Geometry before = look_at(points, *chain.steps[step], context, of_step);
    const std::size_t n = before.n, after = chain.points_after(step, n);
    const std::span<double> weights = of_step.take<double>(after * n);
    const auto owners_of_step = of_step.take<std::uint32_t>(n);
    const std::span<double> mix = memory.mix(step).first(after * rows.n());
    std::ranges::fill(weights, 0.0);
    chain.steps[step]->mix(before, context, weights, owners_of_step);
    if (points.is_mixed()) {
      multiply(weights, points.mix, n, mix);
    } else {
      std::ranges::copy(weights, mix.begin());
    }
    points.mix = mix;
    points.geometry = nullptr;
    if (chain.steps[step]->takes_means()) {
      const auto products = of_step.take<double>(after * (n + 1));
      mixture.geometry = geometry_of_means(before, weights, memory.geometry(step, products));
      points.geometry = &mixture.geometry;
    }
    for (std::uint32_t& owner : owners) owner = owners_of_step[owner];
  }
  mixture.owners = owners;
}

}  // namespace

void apply(const Chain& chain, const Points<float>& rows, AggregationContext& context,
           Workspace::Scope& scratch, Mixture<float>& mixture) {
  apply_steps(chain, rows, context, scratch, mixture);
}
void apply(const Chain& chain, const Points<double>& rows, AggregationContext& context,
           Workspace::Scope& scratch, Mixture<double>& mixture) {
  apply_steps(chain, rows, context, scratch, mixture);
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
