// The suspicion ledger: what each worker was seen doing, by step and slice.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/digest.hpp"

namespace detox {

/// Accusations come first. `outvoted` presumes that the majority of the slice was honest.
enum class Suspicion {
  kConvicted,  ///< it sent something else than what the arbiter found, which presumes no majority
  kOutvoted,
  kEquivocated,
  kMalformed,
  kBadChunk,   ///< other bytes than its digest promised
  kOversized,  ///< a frame above the limit
  kFlood,      ///< more frames than anything it was sent explains, or messages that are none
  kLateAgree,
  kLateOutvoted,
  kMissing,
  kUndelivered,  ///< it owed what its winning digest promised when the step ended
  kBadRelay,     ///< more than q say that it relayed wrong weights, or none in time
};
constexpr std::size_t kSuspicions = 12;
constexpr std::size_t kAccusations = 7;

std::string_view suspicion_name(Suspicion kind);
std::optional<Suspicion> suspicion_named(std::string_view name);
bool is_accusation(Suspicion kind);

/// What a conviction rests on: digests of what was compared.
struct Proof {
  Digest said, truth;
  bool by_server;  ///< the arbiter was the server; else more than q workers said the same
  bool operator==(const Proof&) const = default;
};

struct LedgerEntry {
  std::uint64_t step;
  std::uint32_t slice;
  std::uint32_t worker;  ///< from 0
  Suspicion kind;
  std::optional<Proof> proof = {};  ///< of a conviction
  bool operator==(const LedgerEntry&) const = default;
};

/// Totals a worker.
class Ledger {
 public:
  explicit Ledger(std::size_t workers) : totals_(workers) {}
  void add(const LedgerEntry& entry) {
    ++totals_[entry.worker][static_cast<std::size_t>(entry.kind)];
  }
  std::uint64_t total(std::uint32_t worker, Suspicion kind) const {
    return totals_[worker][static_cast<std::size_t>(kind)];
  }

 private:
  std::vector<std::array<std::uint64_t, kSuspicions>> totals_;
};

}  // namespace detox
