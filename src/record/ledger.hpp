// The suspicion ledger: what each worker was seen doing, by step and slice.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace detox {

/// Accusations come first. `outvoted` presumes that the majority of the slice was honest.
enum class Suspicion {
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
constexpr std::size_t kSuspicions = 11;
constexpr std::size_t kAccusations = 6;

std::string_view suspicion_name(Suspicion kind);
bool is_accusation(Suspicion kind);

struct LedgerEntry {
  std::uint64_t step;
  std::uint32_t slice;
  std::uint32_t worker;  ///< from 0
  Suspicion kind;
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
