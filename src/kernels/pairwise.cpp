// The vector code is in pairwise-inl.hpp, compiled once for every instruction set.
#include "kernels/pairwise.hpp"

#include "base/assert.hpp"
#include "kernels/target.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pairwise.cpp"
#include <hwy/foreach_target.h>
// The order of these two is Highway's.
#include "kernels/pairwise-inl.hpp"

#if HWY_ONCE
namespace detox {

HWY_EXPORT(pairwise_chunk_float);
HWY_EXPORT(pairwise_chunk_double);

void pairwise_chunk(const Rows<float>& rows, std::size_t begin, std::span<double> sums) {
  DETOX_ASSERT(sums.size() == pairwise_sums(rows.n()) && begin % kPairwiseChunk == 0);
  prepare_kernel_target();
  HWY_DYNAMIC_DISPATCH(pairwise_chunk_float)(rows, begin, sums.data());
}

void pairwise_chunk(const Rows<double>& rows, std::size_t begin, std::span<double> sums) {
  DETOX_ASSERT(sums.size() == pairwise_sums(rows.n()) && begin % kPairwiseChunk == 0);
  prepare_kernel_target();
  HWY_DYNAMIC_DISPATCH(pairwise_chunk_double)(rows, begin, sums.data());
}

}  // namespace detox
#endif  // HWY_ONCE
