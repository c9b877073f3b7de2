// Everything random in a run comes from named, independent, counter-based streams. A key is 32
// bytes; a child key is HMAC-SHA-256(parent, name and counters), so it can be handed to a worker
// without giving the parent away, and a stream is the ChaCha20 key stream (RFC 8439) under its key.
// The same key gives the same numbers on every machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "detox/needs_cpp20.hpp"

namespace detox {

using Key = std::array<std::byte, 32>;

/// The root key of a run: SHA-256 over a label and the seed.
Key key_from_seed(std::uint64_t seed);

/// The root key from secret bytes (--placement-key).
Key key_from_secret(std::span<const std::byte> secret);

/// A key that depends on parent, name and every counter, and reveals nothing about the parent.
Key derive_key(const Key& parent, std::string_view name,
               std::initializer_list<std::uint64_t> counters = {});

/// Random numbers under one key, from the start. Not thread-safe: one stream, one thread.
class RandomStream {
 public:
  explicit RandomStream(const Key& key);
  ~RandomStream();
  RandomStream(const RandomStream&) = delete;
  RandomStream& operator=(const RandomStream&) = delete;

  std::uint64_t next();  ///< 64 uniform bits
  double uniform() {     ///< in [0, 1), of 53 bits
    return static_cast<double>(next() >> 11U) * 0x1p-53;
  }
  std::uint64_t below(std::uint64_t bound);  ///< uniform in [0, bound), without bias; bound >= 1
  void fill_normal(
      std::span<float> values);  ///< standard normal, by inversion; 32 bits of the stream a value
  void shuffle(std::span<std::uint32_t> items);  ///< Fisher-Yates

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detox
