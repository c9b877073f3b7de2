// The vector code is in combine-inl.hpp, compiled once for every instruction set.
#include "kernels/combine.hpp"

#include "base/assert.hpp"
#include "kernels/target.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/combine.cpp"
#include <hwy/foreach_target.h>
// The order of these two is Highway's.
#include "kernels/combine-inl.hpp"

#if HWY_ONCE
namespace detox {

HWY_EXPORT(combine_float);
HWY_EXPORT(combine_double);
HWY_EXPORT(combine_float_wide);
HWY_EXPORT(sign_majority_float);
HWY_EXPORT(sign_majority_double);
HWY_EXPORT(vote_majority_float);
HWY_EXPORT(vote_majority_double);

namespace {

template <class T>
void check(const Rows<T>& rows, std::size_t begin, std::size_t end, std::span<T> out) {
  DETOX_ASSERT(out.size() == rows.d && begin <= end && end <= rows.d);
  prepare_kernel_target();
}

void check_base(const Combination& combination, std::size_t columns) {
  DETOX_ASSERT(combination.base.empty() || combination.base.size() == columns);
}

template <class T>
void check_wide(const Rows<T>& rows, const Combination& combination, std::size_t begin,
                std::size_t end, std::span<double> out) {
  DETOX_ASSERT(begin <= end && end <= rows.d && out.size() == end - begin);
  DETOX_ASSERT(combination.weights.size() == rows.n());
  check_base(combination, end - begin);
  prepare_kernel_target();
}

}  // namespace

void combine_rows(const Rows<float>& rows, const Combination& combination, std::size_t begin,
                  std::size_t end, std::span<float> out) {
  check(rows, begin, end, out);
  DETOX_ASSERT(combination.weights.size() == rows.n());
  check_base(combination, end - begin);
  HWY_DYNAMIC_DISPATCH(combine_float)(rows, combination, begin, end, out.data() + begin);
}

void combine_rows(const Rows<double>& rows, const Combination& combination, std::size_t begin,
                  std::size_t end, std::span<double> out) {
  check(rows, begin, end, out);
  DETOX_ASSERT(combination.weights.size() == rows.n());
  check_base(combination, end - begin);
  HWY_DYNAMIC_DISPATCH(combine_double)(rows, combination, begin, end, out.data() + begin);
}

void combine_wide(const Rows<float>& rows, const Combination& combination, std::size_t begin,
                  std::size_t end, std::span<double> out) {
  check_wide(rows, combination, begin, end, out);
  HWY_DYNAMIC_DISPATCH(combine_float_wide)(rows, combination, begin, end, out.data());
}

void combine_wide(const Rows<double>& rows, const Combination& combination, std::size_t begin,
                  std::size_t end, std::span<double> out) {
  check_wide(rows, combination, begin, end, out);
  HWY_DYNAMIC_DISPATCH(combine_double)(rows, combination, begin, end, out.data());
}

void sign_majority(const Rows<float>& rows, std::uint64_t step, std::size_t begin, std::size_t end,
                   std::span<float> out) {
  check(rows, begin, end, out);
  HWY_DYNAMIC_DISPATCH(sign_majority_float)(rows, step, begin, end, out.data());
}

void sign_majority(const Rows<double>& rows, std::uint64_t step, std::size_t begin, std::size_t end,
                   std::span<double> out) {
  check(rows, begin, end, out);
  HWY_DYNAMIC_DISPATCH(sign_majority_double)(rows, step, begin, end, out.data());
}

void vote_majority(const Rows<float>& rows, std::size_t begin, std::size_t end,
                   std::span<float> out) {
  check(rows, begin, end, out);
  HWY_DYNAMIC_DISPATCH(vote_majority_float)(rows, begin, end, out.data());
}

void vote_majority(const Rows<double>& rows, std::size_t begin, std::size_t end,
                   std::span<double> out) {
  check(rows, begin, end, out);
  HWY_DYNAMIC_DISPATCH(vote_majority_double)(rows, begin, end, out.data());
}

}  // namespace detox
#endif  // HWY_ONCE
