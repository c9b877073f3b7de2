// The vector code is in sign_bits-inl.hpp, compiled once for every instruction set.
#include "kernels/sign_bits.hpp"

#include "base/assert.hpp"
#include "kernels/target.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sign_bits.cpp"
#include <hwy/foreach_target.h>
// The order of these two is Highway's.
#include "kernels/sign_bits-inl.hpp"

#if HWY_ONCE
namespace detox {

HWY_EXPORT(pack_all);
HWY_EXPORT(majority_of_bits);

void pack_signs(std::span<const float> values, std::uint64_t step, std::span<std::byte> out) {
  DETOX_ASSERT(out.size() == packed_sign_bytes(values.size()));
  prepare_kernel_target();
  HWY_DYNAMIC_DISPATCH(pack_all)(values, step, out.data());
}

void unpack_signs(std::span<const std::byte> bits, std::span<float> values) {
  DETOX_ASSERT(bits.size() == packed_sign_bytes(values.size()));
  const std::byte* row = bits.data();
  packed_sign_majority({&row, 1}, 0, values.size(), values);
}

void packed_sign_majority(std::span<const std::byte* const> rows, std::size_t begin,
                          std::size_t end, std::span<float> out) {
  DETOX_ASSERT(!rows.empty() && rows.size() <= 65535 && begin % 8 == 0 && end <= out.size());
  prepare_kernel_target();
  HWY_DYNAMIC_DISPATCH(majority_of_bits)(rows, begin, end, out.data());
}

}  // namespace detox
#endif  // HWY_ONCE
