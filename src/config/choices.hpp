// What options choose between, beside FailSchedule, LieWhen and LrShape: values, and their words in
// the same order.
#pragma once

#include <array>
#include <string_view>

namespace detox {

enum class LastLayer { kFile, kFresh };
constexpr auto words_of(LastLayer) { return std::to_array<std::string_view>({"file", "fresh"}); }

enum class Approach { kBaseline, kMajVote, kDetox, kAudit };
constexpr auto words_of(Approach) {
  return std::to_array<std::string_view>({"baseline", "maj_vote", "detox", "audit"});
}
/// Other accepted words, in the same order; empty where there is none.
constexpr auto aliases_of(Approach) {
  return std::to_array<std::string_view>({"", "", "draco-lite", ""});
}

enum class Arbiter { kAuto, kNone, kServer, kWorkers };
constexpr auto words_of(Arbiter) {
  return std::to_array<std::string_view>({"auto", "none", "server", "workers"});
}

enum class ClipStart { kZero, kLast };
constexpr auto words_of(ClipStart) { return std::to_array<std::string_view>({"zero", "last"}); }

enum class SliceWeights { kOff, kSamples };
constexpr auto words_of(SliceWeights) {
  return std::to_array<std::string_view>({"off", "samples"});
}

enum class PlacementKind { kRandom, kFixed };
constexpr auto words_of(PlacementKind) {
  return std::to_array<std::string_view>({"random", "fixed"});
}

enum class VoteForm { kDigest, kBytes };
constexpr auto words_of(VoteForm) { return std::to_array<std::string_view>({"digest", "bytes"}); }

enum class LisSimulation { kNone, kSimulate };
constexpr auto words_of(LisSimulation) {
  return std::to_array<std::string_view>({"none", "simulate"});
}

enum class AlieSign { kMinus, kPlus };
constexpr auto words_of(AlieSign) { return std::to_array<std::string_view>({"minus", "plus"}); }

enum class EngineKind { kAuto, kLocal, kMpi };
constexpr auto words_of(EngineKind) {
  return std::to_array<std::string_view>({"auto", "local", "mpi"});
}

enum class CommType { kBcast, kAsync };
constexpr auto words_of(CommType) { return std::to_array<std::string_view>({"Bcast", "Async"}); }

enum class OnDivergence { kStop, kContinue };
constexpr auto words_of(OnDivergence) {
  return std::to_array<std::string_view>({"stop", "continue"});
}

enum class Commit { kAll, kWeights, kOff };
constexpr auto words_of(Commit) {
  return std::to_array<std::string_view>({"all", "weights", "off"});
}

enum class Numerics { kAuto, kNative, kPortable };
constexpr auto words_of(Numerics) {
  return std::to_array<std::string_view>({"auto", "native", "portable"});
}

}  // namespace detox
