// Rules that are written once for floats and doubles.
#pragma once

#include <span>

#include "detox/aggregator.hpp"
#include "stages/aggregate/points.hpp"

namespace detox {

/// A rule with a function template run(points, out, context, report), which befriends this class.
template <class Rule>
class PointRule : public Aggregator {
 protected:
  explicit PointRule(const RuleOptions& options) : Aggregator(options) {}

 private:
  void reduce(const Points<float>& points, std::span<float> out, AggregationContext& context,
              AggregationReport* report) const final {
    static_cast<const Rule*>(this)->run(points, out, context, report);
  }
  void reduce(const Points<double>& points, std::span<double> out, AggregationContext& context,
              AggregationReport* report) const final {
    static_cast<const Rule*>(this)->run(points, out, context, report);
  }
};

}  // namespace detox
