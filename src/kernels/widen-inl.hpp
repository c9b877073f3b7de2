// One vector of doubles is the unit of all sums; these load and store it as floats or doubles.
#if defined(DETOX_KERNELS_WIDEN_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_WIDEN_INL
#undef DETOX_KERNELS_WIDEN_INL
#else
#define DETOX_KERNELS_WIDEN_INL
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using DoubleTag = hn::ScalableTag<double>;
using VecDouble = hn::Vec<DoubleTag>;

template <class T, class V>
HWY_INLINE VecDouble widen(V values) {
  if constexpr (sizeof(T) == 4) {
    return hn::PromoteTo(DoubleTag(), values);
  } else {
    return values;
  }
}

template <class T>
HWY_INLINE VecDouble load_wide(const T* values) {
  return widen<T>(hn::LoadU(hn::Rebind<T, DoubleTag>(), values));
}

/// Rounds to float; what is too large becomes infinite, as in the C++ language (Highway's plain
/// versions saturate).
HWY_INLINE hn::Vec<hn::Rebind<float, DoubleTag>> narrow(VecDouble values) {
  const hn::Rebind<float, DoubleTag> d;
#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR
  HWY_ALIGN double wide[hn::MaxLanes(DoubleTag())];
  HWY_ALIGN float narrowed[hn::MaxLanes(DoubleTag())];
  hn::Store(values, DoubleTag(), wide);
  for (size_t l = 0; l < hn::Lanes(d); ++l) narrowed[l] = static_cast<float>(wide[l]);
  return hn::Load(d, narrowed);
#else
  return hn::DemoteTo(d, values);
#endif
}

template <class T>
HWY_INLINE void store_narrow(VecDouble values, T* out) {
  if constexpr (sizeof(T) == 4) {
    hn::StoreU(narrow(values), hn::Rebind<float, DoubleTag>(), out);
  } else {
    hn::StoreU(values, DoubleTag(), out);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace detox
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
