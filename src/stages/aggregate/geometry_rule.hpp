// Driver of the rules that see only distances and norms: one pass over the data for these,
// arithmetic on n x n numbers, and one pass for the linear combination of rows that they chose.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "detox/aggregator.hpp"
#include "kernels/geometry.hpp"
#include "stages/aggregate/points.hpp"

namespace detox {

/// Rows of a greater squared norm (doubles alone can have one) count as not finite: sums of
/// distances must not overflow.
inline constexpr double kGreatestSquaredNorm = 1e290;

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
  explicit GeometryRule(const RuleOptions& options) : Aggregator(options) {}

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
