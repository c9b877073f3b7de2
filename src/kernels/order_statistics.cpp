// The vector code is in order_statistics-inl.hpp, compiled once for every instruction set.
#include "kernels/order_statistics.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "kernels/target.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/order_statistics.cpp"
#include <hwy/foreach_target.h>
// The order of these is Highway's.
#include "kernels/order_statistics-inl.hpp"
#include "kernels/weighted_order-inl.hpp"

#if HWY_ONCE
namespace detox {

HWY_EXPORT(mean_of_sorted_float);
HWY_EXPORT(mean_of_sorted_double);
HWY_EXPORT(mean_nearest_float);
HWY_EXPORT(mean_nearest_double);
HWY_EXPORT(weighted_mean_of_sorted_float);
HWY_EXPORT(weighted_mean_of_sorted_double);

SortPlan plan_sort(std::size_t n, std::size_t lo, std::size_t hi, std::span<Comparator> storage,
                   std::span<bool> flags) {
  DETOX_ASSERT(lo < hi && hi <= n && n <= 65535);
  DETOX_ASSERT(storage.size() >= network_capacity(n) && flags.size() >= n);
  SortPlan plan{n, lo, hi, storage.first(build_network(n, lo, hi, storage, flags))};
  while (plan.groups * kSortGroup < n) plan.groups *= 2;
  // The network merges in rounds: first of all values that are n / 2 or more apart, last of
  // neighbours. A round below the groups' stride has no distance that is a multiple of it.
  const auto merges = [&](const Comparator& step) {
    return (step.high - step.low) % plan.groups != 0;
  };
  const auto first = std::find_if(plan.network.begin(), plan.network.end(), merges);
  plan.within_groups = static_cast<std::size_t>(first - plan.network.begin());
  return plan;
}

namespace {

template <class T>
void check(const ColumnBlock<T>& block, const SortPlan& plan, std::span<T> scratch) {
  DETOX_ASSERT(block.rows.n() == plan.n && block.end <= block.rows.d);
  DETOX_ASSERT(block.out.size() == block.rows.d && scratch.size() >= sort_scratch(plan.n));
  prepare_kernel_target();
}

void check_nearest(Nearest nearest, const SortPlan& plan) {
  DETOX_ASSERT(plan.lo == 0 && plan.hi == plan.n);
  DETOX_ASSERT(nearest.lo < nearest.hi && nearest.hi <= plan.n);
  DETOX_ASSERT(nearest.count >= 1 && nearest.count <= plan.n);
}

template <class T>
void check_weighted(const ColumnBlock<T>& block, const WeightedPart& part, const SortPlan& plan,
                    std::span<T> scratch) {
  check(block, plan, scratch);
  DETOX_ASSERT(plan.lo == 0 && plan.hi == plan.n && part.weights.size() == plan.n);
  DETOX_ASSERT(part.lo <= part.hi && scratch.size() >= weighted_sort_scratch(plan.n));
}

}  // namespace

void mean_of_sorted(const ColumnBlock<float>& block, const SortPlan& plan,
                    std::span<float> scratch) {
  check(block, plan, scratch);
  HWY_DYNAMIC_DISPATCH(mean_of_sorted_float)(block, plan, scratch.data());
}

void mean_of_sorted(const ColumnBlock<double>& block, const SortPlan& plan,
                    std::span<double> scratch) {
  check(block, plan, scratch);
  HWY_DYNAMIC_DISPATCH(mean_of_sorted_double)(block, plan, scratch.data());
}

void mean_nearest(const ColumnBlock<float>& block, Nearest nearest, const SortPlan& plan,
                  std::span<float> scratch) {
  check(block, plan, scratch);
  check_nearest(nearest, plan);
  HWY_DYNAMIC_DISPATCH(mean_nearest_float)(block, nearest, plan, scratch.data());
}

void mean_nearest(const ColumnBlock<double>& block, Nearest nearest, const SortPlan& plan,
                  std::span<double> scratch) {
  check(block, plan, scratch);
  check_nearest(nearest, plan);
  HWY_DYNAMIC_DISPATCH(mean_nearest_double)(block, nearest, plan, scratch.data());
}

void weighted_mean_of_sorted(const ColumnBlock<float>& block, const WeightedPart& part,
                             const SortPlan& plan, std::span<float> scratch) {
  check_weighted(block, part, plan, scratch);
  HWY_DYNAMIC_DISPATCH(weighted_mean_of_sorted_float)(block, part, plan, scratch.data());
}

void weighted_mean_of_sorted(const ColumnBlock<double>& block, const WeightedPart& part,
                             const SortPlan& plan, std::span<double> scratch) {
  check_weighted(block, part, plan, scratch);
  HWY_DYNAMIC_DISPATCH(weighted_mean_of_sorted_double)(block, part, plan, scratch.data());
}

}  // namespace detox
#endif  // HWY_ONCE
