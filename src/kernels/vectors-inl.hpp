// Vectors side by side.
#if defined(DETOX_KERNELS_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_VECTORS_INL
#undef DETOX_KERNELS_VECTORS_INL
#else
#define DETOX_KERNELS_VECTORS_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

/// N vectors, unset at first. Not std::array: that is not compiled for the instruction set, so it
/// cannot make vectors whose constructors are, as NEON's.
template <class V, std::size_t N>
class Vectors {
 public:
  HWY_INLINE Vectors() {}
  HWY_INLINE V& operator[](std::size_t k) { return vectors_[k]; }
  HWY_INLINE const V& operator[](std::size_t k) const { return vectors_[k]; }

 private:
  V vectors_[N];
};

}  // namespace HWY_NAMESPACE
}  // namespace detox
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
