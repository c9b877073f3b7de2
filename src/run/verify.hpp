// Whether somebody's run did what its commitments say: its steps taken again from its checkpoints,
// by honest workers in this process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ed25519.hpp"
#include "run/session.hpp"

namespace detox {

struct VerifyOptions {
  std::filesystem::path run = {};
  std::optional<std::pair<std::uint64_t, std::uint64_t>> steps = {};  ///< both ends in; empty: all
  /// So many stretches between checkpoints, drawn at random; empty: all.
  std::optional<std::uint64_t> random = {};
  std::size_t threads = 1;
  const PublicKey* key = nullptr;  ///< whose signature the commitments are to have; null: anybody's
};

/// A step that is not what its line says. Nothing behind it was computed up to the next checkpoint.
struct StepDifference {
  std::uint64_t step = 0;
  std::string what;  ///< one line
};

struct Verified {
  std::uint64_t agreed = 0;                 ///< steps that were computed and agree
  std::uint64_t wanted = 0;                 ///< steps that were to be computed
  std::uint64_t too_early = 0;              ///< steps before the first checkpoint, with a line
  std::size_t stretches = 0;                ///< from a checkpoint to the next
  std::uint64_t last = 0;                   ///< the last step of these
  std::uint64_t last_signed = 0;            ///< by the key that was given
  std::uint64_t taken_back = 0;             ///< steps that the run has taken again since
  std::vector<StepDifference> differences;  ///< ascending, one a step
};

/// The run's own configuration, as it is taken again here.
/// InputError where there is no such run, or no commitments.
StartingConfig config_to_verify(const std::filesystem::path& run);

/// `session` was made of config_to_verify(), perhaps with another place for the data. Stretches are
/// computed side by side where there are more threads than slices. InputError, in one line, where
/// commitments or checkpoints are damaged, missing or of another run, or the machine computes other
/// bits; UsageError where steps are wanted that cannot be computed; InterruptedError.
Verified verify_run(const Session& session, const VerifyOptions& options);

}  // namespace detox
