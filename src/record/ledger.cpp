#include "record/ledger.hpp"

namespace detox {
namespace {

constexpr std::array<std::string_view, kSuspicions> kNames = {
    "convicted", "outvoted",   "equivocated",   "malformed", "bad-chunk",   "oversized",
    "flood",     "late-agree", "late-outvoted", "missing",   "undelivered", "bad-relay"};

}  // namespace

std::string_view suspicion_name(Suspicion kind) { return kNames[static_cast<std::size_t>(kind)]; }

bool is_accusation(Suspicion kind) { return static_cast<std::size_t>(kind) < kAccusations; }

}  // namespace detox
