// The vector code is in narrow-inl.hpp, compiled once for every instruction set.
#include "kernels/narrow.hpp"

#include "base/assert.hpp"
#include "kernels/target.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/narrow.cpp"
#include <hwy/foreach_target.h>
// The order of these two is Highway's.
#include "kernels/narrow-inl.hpp"

#if HWY_ONCE
namespace detox {

HWY_EXPORT(widen_bfloat16s);
HWY_EXPORT(widen_float16s);
HWY_EXPORT(narrow_to_bfloat16s);
HWY_EXPORT(narrow_to_float16s);

void widen(std::span<const std::uint16_t> bits, NarrowType type, std::span<float> values) {
  DETOX_ASSERT(bits.size() == values.size());
  prepare_kernel_target();
  if (type == NarrowType::kBfloat16) {
    HWY_DYNAMIC_DISPATCH(widen_bfloat16s)(bits.data(), bits.size(), values.data());
  } else {
    HWY_DYNAMIC_DISPATCH(widen_float16s)(bits.data(), bits.size(), values.data());
  }
}

void narrow_to(std::span<const float> values, NarrowType type, std::span<std::uint16_t> bits) {
  DETOX_ASSERT(bits.size() == values.size());
  prepare_kernel_target();
  if (type == NarrowType::kBfloat16) {
    HWY_DYNAMIC_DISPATCH(narrow_to_bfloat16s)(values.data(), values.size(), bits.data());
  } else {
    HWY_DYNAMIC_DISPATCH(narrow_to_float16s)(values.data(), values.size(), bits.data());
  }
}

}  // namespace detox
#endif  // HWY_ONCE
