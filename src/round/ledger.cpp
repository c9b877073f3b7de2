#include "round/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace detox {
namespace {

constexpr std::array<std::string_view, kSuspicions> kNames = {
    "outvoted",   "equivocated",   "malformed", "bad-chunk",   "oversized", "flood",
    "late-agree", "late-outvoted", "missing",   "undelivered", "bad-relay"};
constexpr std::size_t kShownWorkers = 8;

}  // namespace

std::string_view suspicion_name(Suspicion kind) { return kNames[static_cast<std::size_t>(kind)]; }

bool is_accusation(Suspicion kind) { return static_cast<std::size_t>(kind) < kAccusations; }

std::string Ledger::summary() const {
  std::vector<std::uint64_t> accusations;
  for (const auto& row : totals_) {
    accusations.push_back(
        std::accumulate(row.begin(), row.begin() + kAccusations, std::uint64_t{0}));
  }
  std::vector<std::size_t> order(totals_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return accusations[a] > accusations[b]; });
  std::string text;
  std::size_t accused = 0;
  for (const std::size_t worker : order) {
    if (accusations[worker] == 0) break;
    if (++accused > kShownWorkers) continue;
    text += fmt::format("{}{} ({}x)", text.empty() ? "" : ", ", worker + 1, accusations[worker]);
  }
  if (accused == 0) return "no worker was accused";
  const std::string rest =
      accused > kShownWorkers ? fmt::format(" and {} more", accused - kShownWorkers) : "";
  return fmt::format("accused workers, presuming honest majorities: {}{}", text, rest);
}

}  // namespace detox
