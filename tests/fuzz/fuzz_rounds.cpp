// Any bytes as the record of a run of 7 workers and 2 slices. What is accepted must be steps that a
// run can have taken; what is not must be refused in one line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "detox/errors.hpp"
#include "record/rounds_file.hpp"

namespace {

using namespace detox;

constexpr std::size_t kWorkers = 7, kSlices = 2;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Of a run whose copies are dealt.
void check_dealt(const RecordedStep& step) {
  require(step.put_out <= step.away->size());
  bool any_used = false;
  for (const RecordedSlice& slice : step.slices) {
    for (const std::uint32_t worker : slice.counted) {
      require(std::ranges::binary_search(slice.assigned, worker) ||
              std::ranges::binary_search(slice.more, worker));
    }
    for (const std::uint32_t worker : slice.assigned)
      require(worker < kWorkers && !std::ranges::binary_search(*step.away, worker));
    require(!slice.used || !slice.counted.empty());
    any_used = any_used || slice.used;
  }
  require(any_used == !step.skipped);
}

void check(const RecordedStep& step) {
  require(step.slices.size() == kSlices && std::ranges::is_sorted(step.rejected));
  for (const std::uint32_t slice : step.rejected) require(step.slices.at(slice).used);
  if (step.away) return check_dealt(step);
  std::vector<std::uint32_t> assigned;
  bool any_used = false;
  for (const RecordedSlice& slice : step.slices) {
    assigned.insert(assigned.end(), slice.assigned.begin(), slice.assigned.end());
    require(std::ranges::includes(slice.assigned, slice.counted));
    require(slice.counted.empty() || 2 * slice.counted.size() > slice.assigned.size());
    require(!slice.used || !slice.counted.empty());
    any_used = any_used || slice.used;
  }
  std::ranges::sort(assigned);
  require(assigned.size() == kWorkers && assigned.front() == 0 && assigned.back() == kWorkers - 1);
  require(any_used == !step.skipped);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = bytes_of({reinterpret_cast<const char*>(data), size});
  try {
    const RecordedRounds rounds("fuzz", {bytes.begin(), bytes.end()}, kWorkers, kSlices);
    require(rounds.first_step() >= 1 && rounds.first_step() <= rounds.last_step());
    for (std::size_t i = 1; i < rounds.backs().size(); ++i)
      require(rounds.backs()[i].attempt == rounds.backs()[i - 1].attempt + 1);
    for (std::uint64_t step = rounds.first_step(); step <= rounds.last_step(); ++step) {
      require(rounds.at(step).step == step);
      check(rounds.at(step));
    }
  } catch (const InputError& error) {
    const std::string_view text = error.what();
    require(!text.empty() && text.size() < 500);
    for (const char c : text) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
  return 0;
}
