// Driver of the rules that see only distances and norms: one pass over the data for these,
// arithmetic on n x n numbers, and one pass for the linear combination of rows that they chose.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "detox/aggregator.hpp"
#include "stages/aggregate/points.hpp"

namespace detox {

/// Rows of a greater squared norm (doubles alone can have one) count as not finite: sums of
/// distances must not overflow.
inline constexpr double kGreatestSquaredNorm = 1e290;

/// What a geometry rule knows about n rows. A row with a value that is not finite has an infinite
/// norm and is at infinite distance from all others. A view.
struct Geometry {
  std::size_t n = 0;
  std::span<const double> squared_distances;  ///< (n, n), row-major, symmetric, 0 on the diagonal
  std::span<const double> squared_norms;      ///< (n)
  std::span<const double> row_weights = {};   ///< (n) what rows count for; empty: all the same

  double squared_distance(std::size_t i, std::size_t j) const {
    return squared_distances[i * n + j];
  }
  std::span<const double> distances_of(std::size_t i) const {
    return squared_distances.subspan(i * n, n);
  }
  bool is_finite(std::size_t i) const { return std::isfinite(squared_norms[i]); }
  double row_weight(std::size_t i) const { return row_weights.empty() ? 1 : row_weights[i]; }
};

/// The pass over the data, unless the geometry is known. The same bits for any number of threads.
/// Views the scratch memory.
Geometry measure(const Points<float>& points, AggregationContext& context,
                 Workspace::Scope& scratch);
Geometry measure(const Points<double>& points, AggregationContext& context,
                 Workspace::Scope& scratch);

/// out (d) = (sum of weights[i] * point i) / divisor; rows of weight 0 are not read. Weights may
/// have one element more than there are points: that of `last` (d).
void combine(const Points<float>& points, std::span<const double> weights, double divisor,
             std::span<float> out, AggregationContext& context, const float* last = nullptr);
void combine(const Points<double>& points, std::span<const double> weights, double divisor,
             std::span<double> out, AggregationContext& context, const double* last = nullptr);

/// Fills report.weights, report.selected (the rows of weight > 0) and report.rejected: `reason` for
/// the others, or "not finite".
void report_weights(const Geometry& geometry, std::span<const double> weights, double divisor,
                    std::string_view reason, AggregationReport& report);

/// A rule that is a linear combination of rows.
class GeometryRule : public Aggregator {
 protected:
  using Aggregator::Aggregator;

 private:
  /// Sets the n weights, which are 0 at first, and returns what their combination is divided by.
  /// The scratch memory is for this call.
  virtual double weigh(const Geometry& geometry, Workspace::Scope& scratch,
                       std::span<double> weights, AggregationReport* report) const = 0;

  template <class T>
  void run(const Points<T>& points, std::span<T> out, AggregationContext& context,
           AggregationReport* report) const;
  void reduce(const Points<float>& points, std::span<float> out, AggregationContext& context,
              AggregationReport* report) const final;
  void reduce(const Points<double>& points, std::span<double> out, AggregationContext& context,
              AggregationReport* report) const final;
};

}  // namespace detox
