// Any bytes as latency.bin, and as evaluation.jsonl. What is accepted must be steps that a run can
// have taken; what is not must be refused in one line.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "detox/errors.hpp"
#include "record/latency_file.hpp"
#include "record/scores_file.hpp"

namespace {

using namespace detox;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const RecordedLatency& recorded) {
  require(recorded.workers() > 0 && recorded.config_digest().size() <= 64);
  std::vector<LatencyCode> codes(recorded.workers());
  std::uint64_t before = 0, attempt = 0;
  for (const RecordedLatency::Step& step : recorded.steps()) {
    require(step.step > before && step.attempt >= attempt);
    before = step.step;
    attempt = step.attempt;
    recorded.read(step, codes);
    for (const LatencyCode code : codes) require(code <= kMostTime);
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const FileDescriptor memory(memfd_create("fuzz", MFD_CLOEXEC));
  require(write_all(memory.get(), bytes_of({reinterpret_cast<const char*>(data), size})));
  const std::string file = "/proc/self/fd/" + std::to_string(memory.get());
  try {
    check(RecordedLatency(file));
  } catch (const InputError& error) {
    const std::string_view text = error.what();
    require(!text.empty() && text.size() < 500);
    for (const char c : text) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
  if (const auto score = ScoresFile(file).find({"a", "b", "c"}, 1)) {
    require(score->of.model == "a" && score->prec1 >= 0 && score->prec1 <= 100);
    require(score->prec5 >= 0 && score->prec5 <= 100);
  }
  return 0;
}
