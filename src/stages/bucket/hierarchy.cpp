// DETOX, section 4 (hierarchical aggregation). With a mean inside, a corrupt slice spoils its whole
// bucket, so the outer rule must survive min(f_eff, b) rows; with a robust rule inside, buckets
// come out clean and the outer rule has f = 0.
#include "stages/bucket/hierarchy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/assert.hpp"
#include "kernels/sign_bits.hpp"

namespace detox {
namespace {

std::string unmet(const RuleInfo& rule, RuleOptions options, std::size_t n, std::size_t f) {
  options.f = f;
  std::string unmet = unmet_requirement(rule, options, n);
  if (!unmet.empty() || requirement_in(rule, options.semantics).min_rows == rule.min_rows)
    return unmet;
  // What others' libraries accept may be rows of which most are hostile.
  for (const PreStep& step : options.pre) n = step.info->points_after(n, step.parameter);
  if (n > 2 * f) return unmet;
  return fmt::format("{} needs an honest majority, n >= 2f + 1: n = {}, f = {}", rule.name, n, f);
}

/// Of the inner rule: pre-aggregation comes before the outer one.
RuleOptions without_pre(RuleOptions options) {
  options.pre.clear();
  return options;
}

}  // namespace

Places bucket_places(std::size_t n, std::size_t b, std::size_t i) {
  const std::size_t size = n / b, larger = n % b;
  const std::size_t begin = i * size + std::min(i, larger);
  return {begin, begin + size + (i < larger ? 1 : 0)};
}

void split_into_buckets(std::size_t b, const Key& key, std::uint64_t step,
                        std::span<std::uint32_t> order) {
  const std::size_t n = order.size();
  DETOX_ASSERT(b >= 1 && b <= n);
  std::iota(order.begin(), order.end(), 0U);
  RandomStream(derive_key(key, "step", {step})).shuffle(order);
  for (std::size_t i = 0; i < b; ++i) {
    const Places places = bucket_places(n, b, i);
    // A sum must not depend on the order in which its rows were drawn.
    const auto bucket = order.subspan(places.begin, places.end - places.begin);
    std::sort(bucket.begin(), bucket.end());
  }
}

Hierarchy::Hierarchy(const Options& options)
    : options_(options),
      robust_inner_(!options.inner_rule->is_mean),
      inner_draws_(options.inner_rule->draws),
      outer_draws_(options.outer_rule->draws || !options.rule.pre.empty()) {
  RuleOptions inner = without_pre(options.rule);
  inner.f = robust_inner_ ? options.f_eff : 0;
  inner_ = options.inner_rule->make(inner);
  RuleOptions outer = options.rule;
  outer.f = outer_f(options.buckets);
  outer_ = options.outer_rule->make(outer);
}

const RuleInfo* Hierarchy::trusting_rule() const {
  const RuleInfo &outer = *options_.outer_rule, &inner = *options_.inner_rule;
  if (outer.trusts_a_row) return &outer;
  return options_.buckets > 0 && inner.trusts_a_row ? &inner : nullptr;
}

std::string Hierarchy::unmet_requirement(std::span<const std::uint32_t> resolved) const {
  const std::size_t trusted = options_.rule.reference_row;
  const RuleInfo* trusting = trusting_rule();
  if (trusting != nullptr && (trusted >= resolved.size() || resolved[trusted] != trusted)) {
    return fmt::format("{} trusts slice {}, and that or one before it is not resolved",
                       trusting->name, trusted);
  }
  return unmet_requirement(resolved.size());
}

std::string Hierarchy::unmet_weights(std::span<const double> weights) const {
  RuleOptions options = options_.rule;
  options.f = options_.f_eff;
  return detox::unmet_weights(*options_.outer_rule, options, weights, weights.size());
}

std::size_t Hierarchy::outer_f(std::size_t rows) const {
  if (options_.buckets == 0) return options_.f_eff;
  return robust_inner_ ? 0 : std::min(options_.f_eff, rows);
}

std::size_t Hierarchy::points_after_pre(std::size_t n) const {
  for (const PreStep& step : options_.rule.pre) n = step.info->points_after(n, step.parameter);
  return n;
}

Hierarchy::Defender Hierarchy::defender(std::size_t n) const {
  const RuleInfo& outer = *options_.outer_rule;
  if (options_.buckets == 0) return {outer, points_after_pre(n), options_.f_eff};
  const std::size_t b = std::min(options_.buckets, n);
  if (robust_inner_) return {*options_.inner_rule, n / b, options_.f_eff};
  return {outer, points_after_pre(b), outer_f(b)};
}

std::string Hierarchy::unmet_requirement(std::size_t n) const {
  if (n == 0) return "no slice is left";
  const RuleInfo& outer_rule = *options_.outer_rule;
  if (options_.buckets == 0) return unmet(outer_rule, options_.rule, n, options_.f_eff);
  if (const RuleInfo* trusting = trusting_rule())
    return fmt::format("{} trusts one row, and buckets leave none by itself", trusting->name);
  const std::size_t b = std::min(options_.buckets, n);
  if (robust_inner_) {
    const std::string inner =
        unmet(*options_.inner_rule, without_pre(options_.rule), n / b, options_.f_eff);
    if (!inner.empty())
      return inner + fmt::format(" (the smallest of {} buckets of {} rows)", b, n);
  }
  const std::string outer = unmet(outer_rule, options_.rule, b, outer_f(b));
  return outer.empty() ? outer : outer + fmt::format(" ({} buckets)", b);
}

void Hierarchy::aggregate(const Rows<float>& rows, const Key& bucket_key, std::span<float> out,
                          AggregationContext& context, AggregationReport* report) const {
  if (options_.buckets == 0) {
    aggregate_outer(rows, bucket_key, out, context, report);
    return;
  }
  DETOX_ASSERT(report == nullptr);
  const std::size_t n = rows.n(), b = std::min(options_.buckets, n);
  Workspace::Scope scratch(context.workspace);
  const auto order = scratch.take<std::uint32_t>(n);
  const auto members = scratch.take<const float*>(n);
  const auto pointers = scratch.take<const float*>(b);
  const auto storage = scratch.take<float>(b * rows.d);
  split_into_buckets(b, bucket_key, context.step, order);
  AggregationContext within{context.pool, context.workspace, context.step, {}};
  if (inner_draws_) within.key = derive_key(bucket_key, "inner");
  for (std::size_t place = 0; place < n; ++place) members[place] = rows.row[order[place]];
  for (std::size_t i = 0; i < b; ++i) {
    const Places places = bucket_places(n, b, i);
    const auto row = storage.subspan(i * rows.d, rows.d);
    inner_->aggregate({members.subspan(places.begin, places.end - places.begin), rows.d}, row,
                      within);
    pointers[i] = row.data();
  }
  aggregate_outer({pointers, rows.d}, bucket_key, out, context, nullptr);
}

bool Hierarchy::is_by_columns() const {
  return options_.rule.pre.empty() && options_.outer_rule->by_columns &&
         (options_.buckets == 0 || options_.inner_rule->by_columns);
}

bool Hierarchy::takes_packed_signs() const {
  return options_.buckets == 0 && options_.rule.rows_are_signs && options_.rule.pre.empty() &&
         options_.outer_rule->is_sign_majority;
}

void Hierarchy::aggregate_packed_signs(std::span<const std::byte* const> rows, std::span<float> out,
                                       ThreadPool& pool) const {
  DETOX_ASSERT(takes_packed_signs());
  constexpr std::size_t kAtOnce = std::size_t{1} << 16U;
  pool.parallel_for((out.size() + kAtOnce - 1) / kAtOnce, [&](std::size_t block, std::size_t) {
    const std::size_t begin = block * kAtOnce;
    packed_sign_majority(rows, begin, std::min(out.size(), begin + kAtOnce), out);
  });
}

void Hierarchy::aggregate_outer(const Rows<float>& rows, const Key& bucket_key,
                                std::span<float> out, AggregationContext& context,
                                AggregationReport* report) const {
  AggregationContext keyed{.pool = context.pool,
                           .workspace = context.workspace,
                           .step = context.step,
                           .weights = context.weights,
                           .start = context.start};
  if (outer_draws_) keyed.key = derive_key(bucket_key, "pre");
  outer_->aggregate(rows, out, keyed, report);
}

}  // namespace detox
