#include "review/worker_latency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "detox/errors.hpp"
#include "record/latency_file.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

constexpr std::size_t kCodes = kMostTime + 1;

/// The time that so much of the answers took no longer than.
std::optional<double> quantile(std::span<const std::uint32_t> counts, double share) {
  const std::uint64_t all = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (all == 0) return std::nullopt;
  const auto least = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all)));
  std::uint64_t passed = 0;
  std::size_t code = 0;
  while (passed < std::max<std::uint64_t>(least, 1)) passed += counts[code++];
  return latency_seconds(static_cast<LatencyCode>(code - 1));
}

}  // namespace

std::optional<LatencyHistory> read_latency_history(const std::filesystem::path& folder,
                                                   std::size_t workers,
                                                   const StepColumns& columns) {
  const std::filesystem::path file = folder / kLatencyFile;
  std::error_code none;
  if (std::filesystem::file_size(file, none) == 0 || none) return std::nullopt;
  const RecordedLatency recorded(file);
  if (recorded.workers() != workers) {
    throw InputError(fmt::format("{} is of {} workers, the run of {}", file.string(),
                                 recorded.workers(), workers));
  }
  struct Cell {
    std::uint64_t sum = 0, answers = 0;
    bool was_asked = false;
  };
  LatencyHistory history;
  history.workers.resize(workers);
  std::vector<std::uint32_t> counts(workers * kCodes);
  std::vector<Cell> cells(workers * columns.count());
  std::vector<LatencyCode> codes(workers);
  for (const RecordedLatency::Step& step : recorded.steps()) {
    if (!columns.has(step.step)) continue;
    recorded.read(step, codes);
    const std::size_t column = columns.of(step.step);
    for (std::size_t worker = 0; worker < workers; ++worker) {
      const LatencyCode code = codes[worker];
      if (code == kNotOrdered) continue;
      Cell& cell = cells[worker * columns.count() + column];
      cell.was_asked = true;
      if (code < kLeastTime || code > kMostTime) continue;
      cell.sum += code;
      ++cell.answers;
      ++counts[worker * kCodes + code];
      history.workers[worker].last_answer = step.step;
    }
  }
  for (std::size_t worker = 0; worker < workers; ++worker) {
    const auto of_worker = std::span(counts).subspan(worker * kCodes, kCodes);
    history.workers[worker].median = quantile(of_worker, 0.5);
    history.workers[worker].within_95 = quantile(of_worker, 0.95);
  }
  history.codes.reserve(cells.size());
  for (const Cell& cell : cells) {
    history.codes.push_back(
        cell.answers > 0 ? static_cast<LatencyCode>((cell.sum + cell.answers / 2) / cell.answers)
        : cell.was_asked ? kNotAnswered
                         : kNotOrdered);
  }
  return history;
}

}  // namespace detox
