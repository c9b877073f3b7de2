// Writes latency.bin as a run that went back does, and prints what is read back: a line a step that
// stands, of the step and each worker's seconds ("nan" where there is none).
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "base/round_number.hpp"
#include "record/latency_file.hpp"

int main(int count, char** words) {
  using namespace detox;
  if (count != 3) return EXIT_FAILURE;
  const auto workers = static_cast<std::uint32_t>(std::strtoul(words[2], nullptr, 10));
  {
    LatencyJournal journal(words[1], workers, std::string(64, 'c'),
                           std::numeric_limits<std::uint64_t>::max());
    const auto add = [&](std::uint64_t attempt, std::uint64_t step) {
      StepLatency latency(workers);
      for (std::uint32_t worker = 0; worker < workers; ++worker) {
        const std::uint64_t drawn = (step * 7 + std::uint64_t{worker} * 5 + attempt * 3) % 11;
        if (drawn > 0) latency.order(worker);
        if (drawn > 1) latency.answer(worker, 1e-5 * static_cast<double>(drawn << (worker % 20)));
      }
      if (!journal.append(round_number(attempt, step), latency)) std::abort();
    };
    for (std::uint64_t step = 1; step <= 40; ++step) add(0, step);
    if (!journal.append_back(round_number(1, 12))) std::abort();
    for (std::uint64_t step = 13; step <= 20; ++step) add(1, step);
    if (!journal.append_back(round_number(2, 15))) std::abort();
    for (std::uint64_t step = 16; step <= 31; ++step) {
      if (step != 25) add(2, step);  // as where the disk was full
    }
    if (!journal.amend({round_number(2, 31), workers - 1, 3.0})) std::abort();
  }
  const RecordedLatency recorded(words[1]);
  std::vector<LatencyCode> codes(recorded.workers());
  for (const RecordedLatency::Step& step : recorded.steps()) {
    recorded.read(step, codes);
    fmt::print("{}", step.step);
    for (const LatencyCode code : codes) fmt::print(" {:.9g}", latency_seconds(code));
    fmt::print("\n");
  }
}
