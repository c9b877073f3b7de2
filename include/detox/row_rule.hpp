// A rule of your own, outside this tree, that runs beside ours: the same call, the same checks of
// shapes and options, the same steps before it.
//
//   class Midrange final : public detox::RowRule {
//    public:
//     explicit Midrange(const detox::RuleOptions& options) : RowRule(kInfo, options) {}
//    private:
//     void reduce_rows(const detox::Rows<float>& rows, std::span<float> out, …) const override;
//     void reduce_rows(const detox::Rows<double>& rows, std::span<double> out, …) const override;
//   };
//
// examples/library/own_rule.cpp is a whole one.
#pragma once

#include <span>

#include "detox/aggregator.hpp"
#include "detox/needs_cpp20.hpp"

namespace detox {

/// A rule that sees rows as they lie. After steps that mix them (options.pre) it sees the points
/// these made, formed in memory of the workspace: n' d values more.
class RowRule : public Aggregator {
 protected:
  /// info has a name, a requirement and min_rows, and is copied; what its texts view outlives the
  /// rule. Of its traits takes_weights and takes_start say that reduce_rows reads
  /// context.weights (capped, at most 1; empty: all the same) and context.start. UsageError for
  /// less, and for options that cannot be.
  RowRule(const RuleInfo& info, const RuleOptions& options);

 private:
  /// Sets out (d) from rows (n, d), n at least 1 and min_rows(f). Called by several threads at once
  /// where several call aggregate. `report` may be null; scores and weights in it are one a row. A
  /// NaN may have any bits: in the result it has the usual ones.
  virtual void reduce_rows(const Rows<float>& rows, std::span<float> out,
                           AggregationContext& context, AggregationReport* report) const = 0;
  virtual void reduce_rows(const Rows<double>& rows, std::span<double> out,
                           AggregationContext& context, AggregationReport* report) const = 0;

  template <class T>
  void run(const Points<T>& points, std::span<T> out, AggregationContext& context,
           AggregationReport* report) const;
  void reduce(const Points<float>& points, std::span<float> out, AggregationContext& context,
              AggregationReport* report) const final;
  void reduce(const Points<double>& points, std::span<double> out, AggregationContext& context,
              AggregationReport* report) const final;

  RuleInfo own_info_;
};

}  // namespace detox
