// signSGD (Bernstein et al., ICML 2018; majority vote: ICLR 2019): one bit a coordinate. The bit of
// +-0 and of NaN is the parity of coordinate + step, so that dead coordinates do not drift. 32
// times fewer bytes; cost: one pass.
#include <algorithm>

#include "kernels/sign_bits.hpp"
#include "stages/compress/registry.hpp"

namespace detox {
namespace {

class Sign final : public Codec {
 public:
  // Whole words, so that the floats that follow in an answer stay aligned; spare bits are zero.
  std::size_t encoded_bytes(std::size_t d) const override { return (d + 31) / 32 * 4; }
  void encode(std::span<const float> gradient, std::uint64_t step,
              std::span<std::byte> out) const override {
    const std::size_t packed = packed_sign_bytes(gradient.size());
    pack_signs(gradient, step, out.first(packed));
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(packed), out.end(), std::byte{0});
  }
  void decode(std::span<const std::byte> bytes, std::span<float> gradient) const override {
    unpack_signs(bytes.first(packed_sign_bytes(gradient.size())), gradient);
  }
};

}  // namespace

std::unique_ptr<Codec> make_sign_codec() { return std::make_unique<Sign>(); }

}  // namespace detox
