#include "round/replay.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/file.hpp"
#include "detox/errors.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

/// By their ranks.
std::string worker_text(const std::vector<std::uint32_t>& workers) {
  std::string text = workers.size() == 1 ? "worker" : "workers";
  for (const std::uint32_t worker : workers) text += fmt::format(" {}", worker + 1);
  return workers.empty() ? "nobody" : text;
}

std::vector<std::uint32_t> slices_with(const RecordedStep& recorded, bool RecordedSlice::*mark) {
  std::vector<std::uint32_t> slices;
  for (std::uint32_t slice = 0; slice < recorded.slices.size(); ++slice) {
    if (recorded.slices[slice].*mark) slices.push_back(slice);
  }
  return slices;
}

}  // namespace

Replay::Replay(const std::filesystem::path& run, std::size_t workers, std::size_t slices,
               std::uint64_t until)
    : rounds_((run / kRoundsFile).string(), read_file(run / kRoundsFile), workers, slices, until) {}

std::vector<bool> Replay::away(const RecordedStep& recorded, std::size_t workers) const {
  if (!recorded.away) {
    throw InputError(
        fmt::format("{}: step {} does not say who was away, as a run with an arbiter does",
                    rounds_.name(), recorded.step));
  }
  std::vector<bool> away(workers);
  for (const std::uint32_t worker : *recorded.away) away[worker] = true;
  return away;
}

void Replay::check_assigned(const RecordedStep& recorded, const Assignment& here) const {
  for (std::size_t slice = 0; slice < recorded.slices.size(); ++slice) {
    std::vector<std::uint32_t> assigned = here.workers_of_slice[slice];
    std::ranges::sort(assigned);
    if (assigned == recorded.slices[slice].assigned) continue;
    throw InputError(fmt::format(
        "{}: step {}, slice {}: assigned to {} there, to {} here", rounds_.name(), recorded.step,
        slice, worker_text(recorded.slices[slice].assigned), worker_text(assigned)));
  }
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

std::vector<std::uint32_t> computed_by_server(const RecordedStep& recorded) {
  return slices_with(recorded, &RecordedSlice::by_server);
}

std::vector<std::uint32_t> used_slices(const RecordedStep& recorded) {
  return slices_with(recorded, &RecordedSlice::used);
}

}  // namespace detox
