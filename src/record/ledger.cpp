#include "record/ledger.hpp"

#include <algorithm>

namespace detox {
namespace {

constexpr std::array<std::string_view, kSuspicions> kNames = {
    "convicted", "outvoted",   "equivocated",   "malformed", "bad-chunk",   "oversized",
    "flood",     "late-agree", "late-outvoted", "missing",   "undelivered", "bad-relay"};

}  // namespace

std::string_view suspicion_name(Suspicion kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<Suspicion> suspicion_named(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Suspicion>(found - kNames.begin());
}

bool is_accusation(Suspicion kind) { return static_cast<std::size_t>(kind) < kAccusations; }

}  // namespace detox
