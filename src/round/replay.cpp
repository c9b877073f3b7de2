#include "round/replay.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/file.hpp"
#include "detox/errors.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

/// The same record read back.
RecordedRounds read_rounds(const std::filesystem::path& file, std::size_t workers,
                           std::size_t slices, std::uint64_t until) {
  return {file.string(), read_file(file), workers, slices, until};
}

/// By their ranks.
std::string worker_text(const std::vector<std::uint32_t>& workers) {
  std::string text = workers.size() == 1 ? "worker" : "workers";
  for (const std::uint32_t worker : workers) text += fmt::format(" {}", worker + 1);
  return workers.empty() ? "nobody" : text;
}

}  // namespace

Replay::Replay(const std::filesystem::path& run, std::size_t workers, std::size_t slices,
               std::uint64_t until)
    : rounds_(read_rounds(run / kRoundsFile, workers, slices, until)) {}

RecordedStep Replay::at(std::uint64_t step, const Assignment& here) const {
  RecordedStep recorded = rounds_.at(step);
  for (std::size_t slice = 0; slice < recorded.slices.size(); ++slice) {
    std::vector<std::uint32_t> assigned = here.workers_of_slice[slice];
    std::ranges::sort(assigned);
    if (assigned == recorded.slices[slice].assigned) continue;
    throw InputError(
        fmt::format("{}: step {}, slice {}: assigned to {} there, to {} here", rounds_.name(), step,
                    slice, worker_text(recorded.slices[slice].assigned), worker_text(assigned)));
  }
  return recorded;
}

void Replay::check_counted(const RecordedStep& recorded,
                           const std::vector<std::vector<std::uint32_t>>& counted) const {
  for (std::size_t slice = 0; slice < recorded.slices.size(); ++slice) {
    const std::vector<std::uint32_t>& there = recorded.slices[slice].counted;
    if (there == counted[slice]) continue;
    throw InputError(fmt::format(
        "{}: step {}, slice {}: {} agreed there, {} here: this is another computation",
        rounds_.name(), recorded.step, slice, worker_text(there), worker_text(counted[slice])));
  }
}

void Replay::check_skipped(const RecordedStep& recorded, const std::string& skipped_because) const {
  if (recorded.skipped == !skipped_because.empty()) return;
  throw InputError(
      fmt::format("{}: step {} was {} there, but here it {}", rounds_.name(), recorded.step,
                  recorded.skipped ? "skipped" : "taken",
                  recorded.skipped ? "can be defended" : "cannot be defended: " + skipped_because));
}

std::vector<bool> not_counted(const RecordedStep& recorded, std::size_t workers) {
  std::vector<bool> result(workers, true);
  for (const RecordedSlice& slice : recorded.slices) {
    for (const std::uint32_t worker : slice.counted) result[worker] = false;
  }
  return result;
}

std::vector<std::uint32_t> used_slices(const RecordedStep& recorded) {
  std::vector<std::uint32_t> slices;
  for (std::uint32_t slice = 0; slice < recorded.slices.size(); ++slice) {
    if (recorded.slices[slice].used) slices.push_back(slice);
  }
  return slices;
}

}  // namespace detox
