#include "config/remedies.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "stages/assign/placement.hpp"

namespace detox {
namespace {

constexpr std::size_t kMostTimesTheWorkers = 8;

/// Of a plan, what a requirement depends on.
struct Variant {
  std::size_t workers, q, r;
  std::size_t slices;  ///< --slices; 0: as many as have workers of their own
  std::size_t kept;    ///< --num-aggregate; 0: all
  Hierarchy::Options hierarchy;
  std::optional<Dealing> dealing{};  ///< where an arbiter decides

  std::size_t k() const {
    if (slices > 0) return slices;
    if (!dealing || dealing->audit_rate == 0) return workers / r;
    return static_cast<std::size_t>(static_cast<double>(workers) / (1 + dealing->audit_rate));
  }
  std::size_t corruptible() const {
    if (!dealing) return effective_corruption(q, r, Seating{workers, k(), r}.lists());
    Dealing other = *dealing;
    other.workers = workers;
    other.slices = k();
    other.q = q;
    return other.f();
  }
  bool holds() {
    const std::size_t rows = kept > 0 ? kept : k();
    if (rows == 0 || rows > k() || hierarchy.buckets > rows) return false;
    if (!dealing && k() < workers / r) return false;
    hierarchy.f_eff = std::min(k(), corruptible());
    return Hierarchy(hierarchy).unmet_requirement(rows).empty();
  }
};

std::optional<std::size_t> fewer_liars(Variant variant) {
  while (variant.q > 0) {
    --variant.q;
    if (variant.holds()) return variant.q;
  }
  return std::nullopt;
}

std::optional<std::size_t> more_workers(Variant variant) {
  const std::size_t most = kMostTimesTheWorkers * variant.workers;
  variant.workers -= variant.workers % variant.r;
  while (variant.workers < most) {
    variant.workers += variant.r;
    if (variant.holds()) return variant.workers;
  }
  return std::nullopt;
}

/// The nearest larger number of buckets that helps, else the nearest smaller one, else none at all.
std::optional<std::string> other_buckets(Variant variant) {
  const std::size_t k = variant.k(), given = variant.hierarchy.buckets;
  if (given == 0) return std::nullopt;
  for (std::size_t b = given + 1; b <= k; ++b) {
    variant.hierarchy.buckets = b;
    if (variant.holds()) return std::to_string(b);
  }
  for (std::size_t b = given; b-- > 1;) {
    variant.hierarchy.buckets = b;
    if (variant.holds()) return std::to_string(b);
  }
  variant.hierarchy.buckets = 0;
  variant.hierarchy.inner_rule = Hierarchy::Options().inner_rule;
  if (variant.holds()) return "off";
  return std::nullopt;
}

std::optional<std::size_t> more_slices(Variant variant) {
  while (variant.kept > 0 && variant.kept < variant.k()) {
    ++variant.kept;
    if (variant.holds()) return variant.kept;
  }
  return std::nullopt;
}

std::vector<const RuleInfo*> suggested_rules() {
  std::vector<const RuleInfo*> suggested;
  for (const RuleInfo& rule : rules()) {
    if (rule.suggested > 0) suggested.push_back(&rule);
  }
  std::ranges::sort(suggested, {}, &RuleInfo::suggested);
  return suggested;
}

/// `place` is the rule of the variant to change.
std::vector<std::string_view> other_rules(Variant& variant, const RuleInfo*& place) {
  std::vector<std::string_view> names;
  const RuleInfo* const own = place;
  for (const RuleInfo* rule : suggested_rules()) {
    place = rule;
    if (rule != own && variant.holds()) names.push_back(rule->name);
  }
  place = own;
  return names;
}

}  // namespace

std::string remedies(const Plan& plan) {
  const Variant variant{
      .workers = plan.workers,
      .q = plan.q,
      .r = plan.r,
      .slices = plan.seating().overlaps() ? plan.k : 0,
      .kept = plan.num_aggregate < plan.k ? plan.num_aggregate : 0,
      .hierarchy = plan.hierarchy,
      .dealing = plan.arbitrated ? std::optional(plan.arbitrated->dealing) : std::nullopt};
  std::vector<std::string> found;
  if (const auto q = fewer_liars(variant)) found.push_back(fmt::format("--assume-fail {}", *q));
  if (const auto workers = more_workers(variant))
    found.push_back(fmt::format("--workers {} (launch -n {})", *workers, *workers + 1));
  Variant own_groups = variant;
  own_groups.slices = 0;
  if (variant.slices > 0 && own_groups.holds()) found.emplace_back("--slices auto");
  if (const auto buckets = other_buckets(variant))
    found.push_back(fmt::format("--buckets {}", *buckets));
  if (const auto kept = more_slices(variant))
    found.push_back(fmt::format("--num-aggregate {}", *kept));
  const bool is_inner = plan.b > 0 && !plan.hierarchy.inner_rule->is_mean;
  Variant other = variant;
  const std::vector<std::string_view> names =
      other_rules(other, is_inner ? other.hierarchy.inner_rule : other.hierarchy.outer_rule);
  if (!names.empty()) {
    found.push_back(fmt::format("--{}mode {}", is_inner ? "inner-" : "", fmt::join(names, " or ")));
  }
  return fmt::format("{}", fmt::join(found, ", "));
}

}  // namespace detox
