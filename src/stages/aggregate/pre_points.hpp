// The steps before a rule by themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "detox/aggregator.hpp"

namespace detox {

/// n rows -> the n' points that a rule behind these steps sees. Immutable, as an Aggregator.
class PrePoints {
 public:
  /// UsageError for steps that are none of the registry's, or with a parameter out of range.
  PrePoints(std::size_t f, std::vector<PreStep> steps);

  /// Empty where n rows will do; else the inequality and the values.
  std::string unmet(std::size_t n) const;
  std::size_t points_after(std::size_t n) const;  ///< n', for n that will do

  /// out (n', d), one point behind the other. n will do, and no row overlaps out.
  void apply(const Rows<float>& rows, std::span<float> out, AggregationContext& context) const;
  void apply(const Rows<double>& rows, std::span<double> out, AggregationContext& context) const;
  void apply(const NarrowRows& rows, std::span<std::uint16_t> out,
             AggregationContext& context) const;

 private:
  template <class T, class Write>
  void write(const Points<T>& rows, AggregationContext& context, const Write& write) const;

  RuleOptions options_;
  std::vector<std::unique_ptr<PreAggregator>> steps_;
};

}  // namespace detox
