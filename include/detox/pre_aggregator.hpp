// What is done to the rows before a rule sees them: n rows -> n' points, each a linear combination
// of rows. Means of rows (nnm, bucketing) cost no further pass over the data: only the n x n
// distances are transformed. After rows were scaled (clipping, arc) distances are measured again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "detox/needs_cpp20.hpp"

namespace detox {

struct AggregationContext;
struct Geometry;

/// One step: it sees distances and norms and answers with combinations. Immutable after
/// construction.
class PreAggregator {
 public:
  virtual ~PreAggregator() = default;

  /// Whether every new point is a mean of old ones. Then its distances follow from theirs. Those of
  /// a scaled point do not: a relative error of 1e-6 beside a row of 1e30 is all there is of it
  /// when it has been scaled down.
  virtual bool takes_means() const { return true; }

  /// Whether it looks at distances, or at norms alone: then geometry has no distances.
  virtual bool needs_distances() const { return true; }

  /// Sets the weights (n', n) of the n' new points, which are 0 at first. A point that is not
  /// finite has weight 0 in every point but those that it may spoil. owners (n) = the new point
  /// that stands for each old one, for reports.
  virtual void mix(const Geometry& geometry, const AggregationContext& context,
                   std::span<double> weights, std::span<std::uint32_t> owners) const = 0;
};

/// One line of the registry (src/stages/pre/registry.cpp).
struct PreInfo {
  std::string_view name = {};
  std::string_view summary = {};
  std::string_view requirement = {};  ///< as users see it: "n >= 2f + 1"
  std::size_t (*min_rows)(std::size_t f) = nullptr;
  std::size_t (*points_after)(std::size_t n, double parameter) = nullptr;  ///< n', at most n
  std::string_view parameter = {};  ///< its name, as in "bucketing:s=2", or empty
  double standard = 0;              ///< its default
  bool whole = false;  ///< whether it must be a whole number; it is above 0 in any case
  std::string_view paper = {};
  std::unique_ptr<PreAggregator> (*make)(std::size_t f, double parameter) = nullptr;
  bool evens_out_at_f0 = false;  ///< with f = 0 every row becomes the mean of all
  bool permutes = false;  ///< point i does not stand for row i, also where there are n points
};

/// A step as a user asks for it.
struct PreStep {
  const PreInfo* info;
  double parameter = 0;  ///< of the registry's line; unused where that has none
};

/// All steps, sorted by name.
std::span<const PreInfo> pre_aggregators();

/// "nnm,bucketing:s=2" -> steps, in order; "none" and "" are no step. UsageError with what is wrong
/// and what would be valid.
std::vector<PreStep> parse_pre_steps(std::string_view text);

/// Empty where the steps are of the registry and their parameters in range; else what is wrong, as
/// parse_pre_steps says it.
std::string unmet_steps(std::span<const PreStep> steps);

/// The inverse of parse_pre_steps, with every parameter; "none" where there is no step.
std::string to_text(std::span<const PreStep> steps);

}  // namespace detox
