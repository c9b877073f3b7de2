// Any bytes as the journals of a run that somebody else has made. A line is taken or it is not;
// what is taken names workers that there are and a round, and the summary of such steps has no mean
// that its numbers do not allow.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/round_number.hpp"
#include "record/attackers_file.hpp"
#include "review/evaluations.hpp"
#include "review/summary.hpp"

namespace {

using namespace detox;

constexpr std::size_t kWorkers = 60;

void require_true(bool condition) {
  if (!condition) std::abort();
}

void take(std::string_view line, RunMetrics& metrics, AttackersTally& tally) {
  if (const auto step = step_metrics(line)) {
    require_true(step->step == step_of_round(step->step) && step->attempt <= kMostAttempts);
    if (metrics.steps.empty() || step->step > metrics.steps.back().step) metrics.add(*step);
  }
  if (const auto lies = recorded_lies(line, kWorkers)) {
    require_true(std::ranges::is_sorted(lies->lies.attackers));
    require_true(lies->lies.attackers.empty() || lies->lies.attackers.back() < kWorkers);
    tally.add(*lies);
  }
  if (const auto seen = observation(line, kWorkers)) {
    require_true(seen->worker < kWorkers);
    tally.add(*seen);
  }
  if (const auto evaluation = evaluation_of(line))
    require_true(evaluation->prec1 >= 0 && evaluation->prec1 <= 100);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  RunMetrics metrics;
  AttackersTally tally;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    take(line, metrics, tally);
  }
  const Summary summary = summarise(metrics, 3);
  require_true(!summary.loss || std::isfinite(*summary.loss));
  require_true(summary.steps_counted <= metrics.steps.size());
  const AttackersFound found = tally.found();
  require_true(found.rightly <= found.lies && found.liars.size() <= kWorkers);
  return 0;
}
