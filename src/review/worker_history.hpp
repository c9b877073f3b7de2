// What each worker was seen doing in a run, step by step: the ledger, the rounds, the latencies and
// the simulated attackers' truth, in columns of steps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "record/attackers_file.hpp"
#include "review/metrics.hpp"
#include "review/step_columns.hpp"

namespace detox {

/// Kinds of what is counted in columns: a step counts once, however often it happened in it.
enum class Seen {
  kAccused,    ///< an accusation, or late and outvoted
  kRejected,   ///< the rule left out an answer of it: no accusation
  kMissing,    ///< no answer before the deadline, or a late one
  kAway,       ///< it got no orders
  kConvicted,  ///< by an arbiter
  kLied,       ///< the simulated attackers' truth
};
inline constexpr std::size_t kSeenKinds = 6;

/// Over all steps that stand.
struct WorkerTotals {
  std::uint64_t given = 0, answers = 0;  ///< slices; those of them in which it counted
  std::uint64_t used = 0, left_out = 0;  ///< of the answers: in a slice that was used; by the rule
  std::uint64_t missing = 0, late = 0;   ///< entries of the ledger
  std::uint64_t other = 0;               ///< undelivered, bad-relay: likewise
  std::uint64_t last_seen = 0;           ///< the last step in which an answer of it came; 0: none
  std::uint64_t convicted_in = 0;        ///< the last such step; 0: none
  std::array<std::uint64_t, kSeenKinds> steps = {};  ///< by Seen
  bool ever_lied = false;                            ///< also in a step that does not stand
  std::uint64_t of(Seen kind) const { return steps[static_cast<std::size_t>(kind)]; }
};

struct WorkerHistory {
  StepColumns columns;
  std::vector<WorkerTotals> workers;
  /// Of one kind, workers x columns; empty where there is nothing of this kind.
  std::array<std::vector<std::uint32_t>, kSeenKinds> counts;
  bool has_rounds = false, has_truth = false;
  /// Of so many lines of rounds.jsonl one is read, where the file is large: `given`, `answers` and
  /// `away` are counted in these alone, `last_seen` is of one of them.
  std::uint64_t rounds_stride = 1;

  std::uint32_t count(Seen kind, std::size_t worker, std::size_t column) const {
    const std::vector<std::uint32_t>& all = counts[static_cast<std::size_t>(kind)];
    return all.empty() ? 0 : all[worker * columns.count() + column];
  }
};

/// Which times of its steps stand in a run that has gone back.
class StandingAttempts {
 public:
  explicit StandingAttempts(const std::vector<TakenBack>& backs) : backs_(backs) {}
  bool stands(std::uint64_t step, std::uint64_t attempt) const;

 private:
  std::vector<TakenBack> backs_;
};

/// Reads the files of the run in `folder`, of which `metrics` are the steps, also while it goes on.
/// `truth` (simulated_truth.hpp) is taken where there is no attackers.jsonl. InputError, in one
/// line, where one is damaged. Memory: workers x columns of numbers, and a line; time: about 2 us a
/// line of the ledger, and `read_bytes` of rounds.jsonl parsed.
WorkerHistory read_worker_history(const std::filesystem::path& folder, std::size_t workers,
                                  const RunMetrics& metrics, std::size_t most_columns,
                                  const std::optional<std::vector<RecordedLies>>& truth = {},
                                  std::uint64_t read_bytes = std::uint64_t{64} << 20U);

}  // namespace detox
