// The gradient's own bytes, little-endian float32.
#include <cstring>

#include "stages/compress/registry.hpp"

namespace detox {
namespace {

class NoCodec final : public Codec {
 public:
  bool is_identity() const override { return true; }
  std::size_t encoded_bytes(std::size_t d) const override { return 4 * d; }
  void encode(std::span<const float> gradient, std::uint64_t /*step*/,
              std::span<std::byte> out) const override {
    std::memcpy(out.data(), gradient.data(), gradient.size_bytes());
  }
  void decode(std::span<const std::byte> bytes, std::span<float> gradient) const override {
    std::memcpy(gradient.data(), bytes.data(), gradient.size_bytes());
  }
};

}  // namespace

std::unique_ptr<Codec> make_none_codec() { return std::make_unique<NoCodec>(); }

}  // namespace detox
