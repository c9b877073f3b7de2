#include "base/ed25519.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <string_view>
#include <system_error>
#include <vector>

#include "base/assert.hpp"
#include "base/digest.hpp"
#include "base/file.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostKeyBytes = 65536;

struct FreesBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreesDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

/// What a file of a key holds, gone from memory with it.
class KeyFile {
 public:
  explicit KeyFile(const fs::path& file) {
    std::error_code ignored;
    if (fs::file_size(file, ignored) > kMostKeyBytes && !ignored)
      throw InputError(fmt::format("{}: it is too long for a key", file.string()));
    try {
      bytes_ = read_file(file);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", file.string(), error.what()));
    }
  }
  ~KeyFile() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;

  OwnedKey public_key() const {
    OwnedKey key(PEM_read_bio_PUBKEY(bio().get(), nullptr, ask_nobody, nullptr));
    ERR_clear_error();
    return key;
  }
  OwnedKey private_key(bool& is_encrypted) const {
    OwnedKey key(PEM_read_bio_PrivateKey(bio().get(), nullptr, ask_nobody, &is_encrypted));
    ERR_clear_error();
    return key;
  }

 private:
  /// In place of OpenSSL's own, which asks at the terminal.
  static int ask_nobody(char* /*passphrase*/, int /*size*/, int /*writes*/, void* is_encrypted) {
    if (is_encrypted != nullptr) *static_cast<bool*>(is_encrypted) = true;
    return -1;
  }
  std::unique_ptr<BIO, FreesBio> bio() const {
    return std::unique_ptr<BIO, FreesBio>(
        BIO_new_mem_buf(bytes_.data(), static_cast<int>(bytes_.size())));
  }

  std::vector<std::byte> bytes_;
};

void refuse_other_type(const fs::path& file, const OwnedKey& key) {
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519) return;
  const char* name = EVP_PKEY_get0_type_name(key.get());
  throw InputError(fmt::format(
      "{}: a key of type {}; valid: Ed25519, as openssl genpkey -algorithm ed25519 makes",
      file.string(), name != nullptr ? name : "unknown"));
}

std::string fingerprint_of(const OwnedKey& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  DETOX_ASSERT(size > 0);
  std::string text = hex(digest_of(std::as_bytes(std::span(der, static_cast<std::size_t>(size)))));
  OPENSSL_free(der);
  return text;
}

const unsigned char* data_of(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

void FreesKey::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

PublicKey::PublicKey(const fs::path& file) {
  const KeyFile read(file);
  key_ = read.public_key();
  if (!key_) {
    bool is_encrypted = false;
    const bool is_private = read.private_key(is_encrypted) != nullptr || is_encrypted;
    throw InputError(fmt::format("{}: {}", file.string(),
                                 is_private
                                     ? "a private key; valid: its public one, which openssl pkey "
                                       "-in FILE -pubout writes"
                                     : "no public key in PEM, as openssl pkey -pubout writes it"));
  }
  refuse_other_type(file, key_);
  fingerprint_ = fingerprint_of(key_);
}

bool PublicKey::has_signed(std::span<const std::byte> message,
                           const SignatureBytes& signature) const {
  const std::unique_ptr<EVP_MD_CTX, FreesDigest> context(EVP_MD_CTX_new());
  const bool is_right =
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), data_of(signature), signature.size(), data_of(message),
                       message.size()) == 1;
  ERR_clear_error();
  return is_right;
}

SigningKey::SigningKey(const fs::path& file) {
  const KeyFile read(file);
  bool is_encrypted = false;
  key_ = read.private_key(is_encrypted);
  if (!key_) {
    std::string_view why = "no private key in PEM, as openssl genpkey -algorithm ed25519 writes it";
    if (read.public_key()) why = "a public key; valid: the private one";
    if (is_encrypted) {
      why =
          "it is encrypted, and a run asks nobody; valid: without a passphrase, as openssl pkey "
          "-in "
          "FILE -out PLAIN writes it";
    }
    throw InputError(fmt::format("{}: {}", file.string(), why));
  }
  refuse_other_type(file, key_);
  fingerprint_ = fingerprint_of(key_);
}

SignatureBytes SigningKey::sign(std::span<const std::byte> message) const {
  const std::unique_ptr<EVP_MD_CTX, FreesDigest> context(EVP_MD_CTX_new());
  SignatureBytes signature{};
  std::size_t size = signature.size();
  DETOX_ASSERT(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
  DETOX_ASSERT(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                              &size, data_of(message), message.size()) == 1);
  DETOX_ASSERT(size == signature.size());
  return signature;
}

}  // namespace detox
