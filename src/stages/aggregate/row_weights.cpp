// Weights that come with the rows. Where they are what the senders say of themselves, a hostile row
// claims a huge one: so no row may have more than a share of cap / n, and the f rows that count
// most must have less than half of all. Then f rows, whatever they claim, are in the minority by
// weight as they are by number without weights.
//
// The cap is exact: rows above it get the level L for which L = cap / n of the sum, which they are
// part of themselves; the others keep their weights. With the j heaviest at the level, and R the
// sum of the others, L = (cap / n) R / (1 - j cap / n); j is the least for which no other is above
// L.
//
// Fewer than n / cap rows are above the level, so the least of the n / cap heaviest is not: weights
// are scaled to that one. Beside the greatest, which may claim anything, the others would vanish.
#include "stages/aggregate/row_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "detox/errors.hpp"
#include "kernels/order_statistics.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

constexpr double kRounding = 1e-12;

std::string unmet_combination(const RuleInfo& rule, const RuleOptions& options) {
  if (!rule.takes_weights)
    return fmt::format("{} takes no weights; valid: {}", rule.name, weighted_rules());
  if (!options.pre.empty()) {
    return fmt::format("weights are those of rows, and {} leaves none by itself; valid: pre none",
                       to_text(options.pre));
  }
  if (options.semantics != Semantics::kPaper)
    return "byzfl and byzpy define no weights; valid: semantics paper";
  return {};
}

std::string unmet_values(std::span<const double> given, std::size_t n) {
  if (given.size() != n) return fmt::format("{} weights for {} rows", given.size(), n);
  for (std::size_t i = 0; i < n; ++i) {
    if (std::isfinite(given[i]) && given[i] >= 0) continue;
    return fmt::format("the weight of row {} is {}; valid: finite numbers, at least 0", i,
                       given[i]);
  }
  if (std::ranges::all_of(given, [](double weight) { return weight == 0; }))
    return "all weights are 0; valid: at least one above it";
  return {};
}

/// The level above which no weight may be. weights is not empty; scratch has twice as many
/// elements.
double level(std::span<const double> weights, double cap, std::span<double> scratch) {
  const std::size_t n = weights.size();
  const auto sorted = scratch.first(n), sums = scratch.subspan(n, n);
  std::ranges::copy(weights, sorted.begin());
  std::ranges::sort(sorted);
  std::partial_sum(sorted.begin(), sorted.end(), sums.begin());
  const double share = cap / static_cast<double>(n);
  for (std::size_t j = 0; j < n; ++j) {
    const double left = 1 - static_cast<double>(j) * share;
    const double found = left > kRounding ? share * sums[n - 1 - j] / left : sorted[n - j];
    const double next = sorted[n - 1 - j];  // a level that is there already leaves equals equal
    if (next <= found * (1 + kRounding)) return found <= next * (1 + kRounding) ? next : found;
  }
  return sorted[0];
}

double kth_greatest(std::span<const double> weights, std::size_t k, std::span<double> scratch) {
  const auto sorted = scratch.first(weights.size());
  std::ranges::copy(weights, sorted.begin());
  std::ranges::sort(sorted, std::greater<>());
  return sorted[k - 1];
}

/// Multiplies by the power of two that brings `one`, which is above 0, to [0.5, 1): exact, but for
/// what is beyond any number beside that.
void scale_to(std::span<const double> weights, double one, std::span<double> out) {
  constexpr double kGreatest = 0x1p900;  // of 65535 the sum is a number
  const int exponent = std::ilogb(one) + 1;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = std::min(std::scalbn(weights[i], -exponent), kGreatest);
}

/// Writes the usable weights. Empty, or why there are none. scratch has twice as many elements.
std::string make_usable(const RuleInfo& rule, const RuleOptions& options,
                        std::span<const double> given, std::span<double> out,
                        std::span<double> scratch) {
  const std::size_t n = out.size();
  const auto having =
      static_cast<double>(std::ranges::count_if(given, [](double weight) { return weight > 0; }));
  const double cap = options.weight_cap;
  const double fewest = std::ceil(static_cast<double>(n) / cap * (1 - kRounding));
  if (having < fewest) {
    return fmt::format(
        "{} of {} rows have weight, and none may have more than {}/n of it (weight-cap); at least "
        "{:.0f} must",
        having, n, cap, fewest);
  }
  scale_to(given, kth_greatest(given, static_cast<std::size_t>(fewest), scratch), out);
  const double highest = level(out, cap, scratch);
  for (double& weight : out) weight = std::min(weight, highest);
  scale_to(out, *std::ranges::max_element(out), out);
  if (rule.is_mean) return {};  // it survives nobody, whatever the weights
  const double share =
      heaviest(out, options.f, scratch.first(n)) / total_weight(out, scratch.first(n));
  if (share < 0.5 - static_cast<double>(n) * kNoWeight) return {};
  return fmt::format(
      "{} needs less than half of the weight in the f rows that have most: f = {}, their part is "
      "{:.4f} (n = {}; weight-cap below n/(2f) = {:.3g} prevents it)",
      rule.name, options.f, share, n,
      static_cast<double>(n) / (2 * static_cast<double>(options.f)));
}

std::string unmet_as_given(const RuleInfo& rule, const RuleOptions& options,
                           std::span<const double> given, std::size_t n) {
  std::string unmet = unmet_combination(rule, options);
  return unmet.empty() ? unmet_values(given, n) : unmet;
}

}  // namespace

double heaviest(std::span<const double> weights, std::size_t count, std::span<double> scratch) {
  std::ranges::copy(weights, scratch.begin());
  std::ranges::sort(scratch);
  const auto counted = scratch.last(std::min(count, scratch.size()));
  return std::accumulate(counted.begin(), counted.end(), 0.0);
}

double total_weight(std::span<const double> weights, std::span<double> scratch) {
  return heaviest(weights, weights.size(), scratch);
}

std::string unmet_weights(const RuleInfo& rule, const RuleOptions& options,
                          std::span<const double> weights, std::size_t n) {
  std::string unmet = unmet_options(options);
  if (unmet.empty()) unmet = unmet_as_given(rule, options, weights, n);
  if (!unmet.empty()) return unmet;
  std::vector<double> numbers(3 * n);
  const std::span<double> out(numbers);
  return make_usable(rule, options, weights, out.first(n), out.subspan(n));
}

std::span<const double> usable_weights(const RuleInfo& rule, const RuleOptions& options,
                                       std::size_t n, const AggregationContext& context,
                                       Workspace::Scope& scratch) {
  if (context.weights.empty()) return {};
  const auto usable = scratch.take<double>(n), numbers = scratch.take<double>(2 * n);
  std::string unmet = unmet_as_given(rule, options, context.weights, n);
  if (unmet.empty()) unmet = make_usable(rule, options, context.weights, usable, numbers);
  if (!unmet.empty()) throw UsageError(unmet);
  const bool same = std::ranges::adjacent_find(usable, std::not_equal_to<>()) == usable.end();
  return same ? std::span<const double>() : usable;
}

}  // namespace detox
