#include "base/digest.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <vector>

#include "base/assert.hpp"

namespace detox {

struct DigestBuilder::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

DigestBuilder::DigestBuilder() : state_(std::make_unique<State>()) {
  DETOX_ASSERT(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
DigestBuilder::~DigestBuilder() = default;

DigestBuilder& DigestBuilder::add(std::span<const std::byte> bytes) {
  DETOX_ASSERT(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
  return *this;
}

DigestBuilder& DigestBuilder::add(std::string_view text) {
  return add(std::as_bytes(std::span(text.data(), text.size())));
}

Digest DigestBuilder::finish() {
  Digest digest{};
  DETOX_ASSERT(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()),
                                  nullptr) == 1);
  return digest;
}

Digest digest_of(std::span<const std::byte> bytes) { return DigestBuilder().add(bytes).finish(); }

std::string hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte b : bytes) {
    text += kDigits[std::to_integer<std::size_t>(b >> 4)];
    text += kDigits[std::to_integer<std::size_t>(b & std::byte{15})];
  }
  return text;
}

std::string base64(std::span<const std::byte> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // it ends it with a zero
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  text.pop_back();
  return text;
}

bool bytes_from_base64(std::string_view text, std::span<std::byte> bytes) {
  if (text.size() != (bytes.size() + 2) / 3 * 4) return false;
  std::vector<std::byte> decoded(text.size() / 4 * 3);  // padding included
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size())) != static_cast<int>(decoded.size())) {
    return false;
  }
  std::copy_n(decoded.begin(), bytes.size(), bytes.begin());
  return base64(bytes) == text;
}

std::optional<Digest> digest_from_base64(std::string_view text) {
  Digest digest{};
  return bytes_from_base64(text, digest) ? std::optional(digest) : std::nullopt;
}

std::string bytes_from_hex(std::string_view text) {
  const auto value = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string bytes;
  if (text.size() % 2 != 0) return bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = value(text[i]), low = value(text[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace detox
