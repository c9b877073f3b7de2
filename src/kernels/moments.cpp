// The vector code is in moments-inl.hpp, compiled once for every instruction set.
#include "kernels/moments.hpp"

#include "base/assert.hpp"
#include "kernels/target.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/moments.cpp"
#include <hwy/foreach_target.h>
// The order of these two is Highway's.
#include "kernels/moments-inl.hpp"

#if HWY_ONCE
namespace detox {

HWY_EXPORT(moments_float);

void column_moments(const Rows<float>& rows, std::size_t begin, std::span<double> mean,
                    std::span<double> deviation) {
  DETOX_ASSERT(rows.n() > 0 && mean.size() == deviation.size());
  DETOX_ASSERT(begin + mean.size() <= rows.d);
  prepare_kernel_target();
  HWY_DYNAMIC_DISPATCH(moments_float)(rows, begin, mean.size(), mean.data(), deviation.data());
}

}  // namespace detox
#endif  // HWY_ONCE
