// The vector code is in pairwise-inl.hpp, compiled once for every instruction set.
#include "kernels/pairwise.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "kernels/target.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pairwise.cpp"
#include <hwy/foreach_target.h>
// The order of these two is Highway's.
#include "kernels/pairwise-inl.hpp"

#if HWY_ONCE
namespace detox {

HWY_EXPORT(sum_pairs_float);
HWY_EXPORT(sum_pairs_double);

void add_pairwise_columns(const Rows<float>& rows, std::size_t begin, std::size_t end,
                          std::size_t d, std::span<double> sums) {
  DETOX_ASSERT(sums.size() == pairwise_sums(rows.n()) && end <= rows.d);
  prepare_kernel_target();
  HWY_DYNAMIC_DISPATCH(sum_pairs_float)(rows, begin, end, d <= kExactColumns, sums.data());
}

void add_pairwise_columns(const Rows<double>& rows, std::size_t begin, std::size_t end,
                          std::size_t d, std::span<double> sums) {
  DETOX_ASSERT(sums.size() == pairwise_sums(rows.n()) && end <= rows.d);
  prepare_kernel_target();
  HWY_DYNAMIC_DISPATCH(sum_pairs_double)(rows, begin, end, d <= kExactColumns, sums.data());
}

void pairwise_columns(const Rows<float>& rows, std::size_t begin, std::size_t end, std::size_t d,
                      std::span<double> sums) {
  std::ranges::fill(sums, 0.0);
  add_pairwise_columns(rows, begin, end, d, sums);
}

void pairwise_columns(const Rows<double>& rows, std::size_t begin, std::size_t end, std::size_t d,
                      std::span<double> sums) {
  std::ranges::fill(sums, 0.0);
  add_pairwise_columns(rows, begin, end, d, sums);
}

void pairwise_chunk(const Rows<float>& rows, std::size_t begin, std::span<double> sums) {
  DETOX_ASSERT(begin % kPairwiseChunk == 0);
  pairwise_columns(rows, begin, std::min(rows.d, begin + kPairwiseChunk), rows.d, sums);
}

void pairwise_chunk(const Rows<double>& rows, std::size_t begin, std::span<double> sums) {
  DETOX_ASSERT(begin % kPairwiseChunk == 0);
  pairwise_columns(rows, begin, std::min(rows.d, begin + kPairwiseChunk), rows.d, sums);
}

}  // namespace detox
#endif  // HWY_ONCE
