// How a gradient travels: d floats -> bytes and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace detox {

/// Immutable. Encoding is a pure function of gradient and step, so honest replicas stay
/// bit-identical.
class Codec {
 public:
  virtual ~Codec() = default;
  virtual bool is_identity() const {
    return false;
  }  ///< bytes are the floats: nothing needs copying
  virtual std::size_t encoded_bytes(std::size_t d) const = 0;
  virtual void encode(std::span<const float> gradient, std::uint64_t step,
                      std::span<std::byte> out) const = 0;
  /// Any bytes of the right length are a gradient: what a hostile worker sends cannot fail.
  virtual void decode(std::span<const std::byte> bytes, std::span<float> gradient) const = 0;
};

struct CodecInfo {
  std::string_view name;
  std::string_view summary;
  std::string_view paper;
  std::unique_ptr<Codec> (*make)();
  bool keeps_signs_alone = false;  ///< for a rule that is_sign_majority
};

/// All codecs, sorted by name.
std::span<const CodecInfo> codecs();
const CodecInfo& find_codec(std::string_view name);
/// The one for rules of which all rows are signs, or of others.
const CodecInfo& codec_for(bool signs_alone);

}  // namespace detox
