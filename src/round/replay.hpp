// --replay: another run's record decides who takes part in each step and which slices are
// aggregated, whatever the reason was then.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/assignment.hpp"
#include "record/rounds_file.hpp"

namespace detox {

/// Immutable. With everything else as it was, and every answer there at once, a step comes out with
/// the same bytes; where it does not, an InputError names file, step and slice.
class Replay {
 public:
  /// Reads rounds.jsonl in `run`, the directory of a run with so many workers and slices, up to
  /// step `until`.
  /// InputError as RecordedRounds.
  Replay(const std::filesystem::path& run, std::size_t workers, std::size_t slices,
         std::uint64_t until = std::numeric_limits<std::uint64_t>::max());

  std::uint64_t first_step() const { return rounds_.first_step(); }
  std::uint64_t last_step() const { return rounds_.last_step(); }

  /// Where it went back, by attempt.
  const std::vector<RecordedBack>& backs() const { return rounds_.backs(); }

  /// What was recorded. InputError where there is no such step.
  RecordedStep at(std::uint64_t step) const { return rounds_.at(step); }

  /// By worker, who got no order in this step of a run that deals copies; InputError where that is
  /// not recorded.
  std::vector<bool> away(const RecordedStep& recorded, std::size_t workers) const;

  /// InputError where the slices were assigned to other workers than here.
  void check_assigned(const RecordedStep& recorded, const Assignment& here) const;

  /// InputError unless the same workers as in the record are each slice's majority, or none is.
  void check_counted(const RecordedStep& recorded,
                     const std::vector<std::vector<std::uint32_t>>& counted) const;

  /// InputError unless the step is skipped as the recorded one; empty: it is not.
  void check_skipped(const RecordedStep& recorded, const std::string& skipped_because) const;

 private:
  RecordedRounds rounds_;
};

/// Workers whose answers did not count.
std::vector<bool> not_counted(const RecordedStep& recorded, std::size_t workers);

/// Slices that the server computed as well, ascending.
std::vector<std::uint32_t> computed_by_server(const RecordedStep& recorded);

/// Slices that were aggregated, ascending.
std::vector<std::uint32_t> used_slices(const RecordedStep& recorded);

}  // namespace detox
