// SHA-256 (OpenSSL), and bytes as text.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace detox {

using Digest = std::array<std::byte, 32>;

/// SHA-256 of bytes that come in pieces.
class DigestBuilder {
 public:
  DigestBuilder();
  ~DigestBuilder();
  DigestBuilder(const DigestBuilder&) = delete;
  DigestBuilder& operator=(const DigestBuilder&) = delete;
  DigestBuilder& add(std::span<const std::byte> bytes);
  DigestBuilder& add(std::string_view text);
  Digest finish();  ///< once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest digest_of(std::span<const std::byte> bytes);
std::string hex(std::span<const std::byte> bytes);  ///< lower case

std::string base64(std::span<const std::byte> bytes);  ///< the standard's, with padding

/// Reads what base64() makes of as many bytes; false for other text.
bool bytes_from_base64(std::string_view text, std::span<std::byte> bytes);

/// The same for a digest; empty for other text.
std::optional<Digest> digest_from_base64(std::string_view text);

/// The bytes of lower- or upper-case hexadecimal text; empty where it is none.
std::string bytes_from_hex(std::string_view text);

}  // namespace detox
