// HMAC-SHA-256 for keys, ChaCha20 for streams, both by OpenSSL.
#include "detox/random.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/digest.hpp"
#include "base/normal.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

static_assert(std::endian::native == std::endian::little, "files and streams are little-endian");

constexpr std::size_t kBlockBytes = 4096;

}  // namespace

Key key_from_seed(std::uint64_t seed) {
  return DigestBuilder().add("detox seed").add(std::as_bytes(std::span(&seed, 1))).finish();
}

Key key_from_secret(std::span<const std::byte> secret) {
  return DigestBuilder().add("detox secret").add(secret).finish();
}

Key derive_key(const Key& parent, std::string_view name,
               std::initializer_list<std::uint64_t> counters) {
  // The name's length comes first, so that no two (name, counters) give the same message.
  std::vector<std::byte> message;
  const auto append = [&message](const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    message.insert(message.end(), bytes, bytes + size);
  };
  const std::uint64_t length = name.size();
  append(&length, sizeof length);
  append(name.data(), name.size());
  for (const std::uint64_t counter : counters) append(&counter, sizeof counter);

  Key key{};
  unsigned int size = 0;
  DETOX_ASSERT(HMAC(EVP_sha256(), parent.data(), static_cast<int>(parent.size()),
                    reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                    reinterpret_cast<unsigned char*>(key.data()), &size) != nullptr);
  DETOX_ASSERT(size == key.size());
  return key;
}

struct RandomStream::State {
  EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
  std::array<unsigned char, kBlockBytes> block{};
  std::size_t used = kBlockBytes;

  explicit State(const Key& key) {
    // OpenSSL's ChaCha20 takes the 32-bit block counter and the 96-bit nonce as one initial vector:
    // all zero, a key serves one stream only.
    const std::array<unsigned char, 16> counter_and_nonce{};
    DETOX_ASSERT(cipher != nullptr);
    DETOX_ASSERT(EVP_EncryptInit_ex(cipher, EVP_chacha20(), nullptr,
                                    reinterpret_cast<const unsigned char*>(key.data()),
                                    counter_and_nonce.data()) == 1);
  }
  ~State() { EVP_CIPHER_CTX_free(cipher); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  template <class T>
  T draw() {
    static_assert(kBlockBytes % sizeof(std::uint64_t) == 0);
    used = (used + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    if (used >= kBlockBytes) {
      static const std::array<unsigned char, kBlockBytes> kZeros{};
      int written = 0;
      DETOX_ASSERT(EVP_EncryptUpdate(cipher, block.data(), &written, kZeros.data(), kBlockBytes) ==
                   1);
      used = 0;
    }
    T value;
    std::memcpy(&value, block.data() + used, sizeof value);
    used += sizeof value;
    return value;
  }
};

RandomStream::RandomStream(const Key& key) : state_(std::make_unique<State>(key)) {}
RandomStream::~RandomStream() = default;

std::uint64_t RandomStream::next() { return state_->draw<std::uint64_t>(); }

std::uint64_t RandomStream::below(std::uint64_t bound) {
  if (bound < 1) throw UsageError("no number is below 0; valid: a bound from 1");
  const std::uint64_t unfair = (0 - bound) % bound;  // 2^64 mod bound values are drawn again
  while (true) {
    const std::uint64_t value = next();
    if (value >= unfair) return value % bound;
  }
}

void RandomStream::fill_normal(std::span<float> values) {
  for (float& value : values) {
    const double uniform = (static_cast<double>(state_->draw<std::uint32_t>()) + 0.5) * 0x1p-32;
    value = static_cast<float>(inverse_normal_cdf(uniform));
  }
}

void RandomStream::shuffle(std::span<std::uint32_t> items) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
}

}  // namespace detox
