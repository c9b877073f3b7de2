// Signatures: Ed25519 (RFC 8032), by OpenSSL, with keys in PEM files as `openssl genpkey -algorithm
// ed25519` and `openssl pkey -pubout` write them.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

struct evp_pkey_st;

namespace detox {

using SignatureBytes = std::array<std::byte, 64>;

/// A key of OpenSSL's, owned. Movable.
struct FreesKey {
  void operator()(evp_pkey_st* key) const;
};
using OwnedKey = std::unique_ptr<evp_pkey_st, FreesKey>;

/// Checks signatures. From many threads.
class PublicKey {
 public:
  /// InputError, naming the file, where it cannot be read or holds anything else.
  explicit PublicKey(const std::filesystem::path& file);

  bool has_signed(std::span<const std::byte> message, const SignatureBytes& signature) const;

  /// SHA-256, in hexadecimal, of the key as `openssl pkey -pubin -outform DER` writes it.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  OwnedKey key_;
  std::string fingerprint_;
};

/// Makes signatures. Movable.
class SigningKey {
 public:
  /// InputError as PublicKey, and for a key that is encrypted: nobody is asked for a passphrase.
  explicit SigningKey(const std::filesystem::path& file);

  /// One message, one signature.
  SignatureBytes sign(std::span<const std::byte> message) const;

  /// Of its public key.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  OwnedKey key_;
  std::string fingerprint_;
};

}  // namespace detox
