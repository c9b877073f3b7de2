// Any bytes as the commitments of a run. What is accepted must be what a run would have written,
// byte for byte; what is not must be refused in one line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "detox/errors.hpp"
#include "record/commitments_file.hpp"

namespace {

using namespace detox;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const RecordedCommitments& lines, std::string_view text) {
  require(lines.first_step() >= 1 && lines.first_step() <= lines.last_step() + 1);
  std::string all;
  for (std::uint64_t step = lines.first_step(); step <= lines.last_step(); ++step) {
    require(lines.at(step).step == step);
    all += commitment_line(lines.at(step), lines.before(step)) + "\n";
  }
  const CommitmentChain chain = lines.chain("");
  require(chain.first == lines.first_step() && chain.last == lines.last_step());
  require(lines.last_step_of(chain) == lines.last_step());
  // Where it never went back, the lines that stand are the file.
  require(chain.attempt > 0 || lines.taken_back() > 0 || all == text);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    check(RecordedCommitments("fuzz", text), text);
  } catch (const InputError& error) {
    const std::string_view line = error.what();
    require(!line.empty() && line.size() < 500);
    for (const char c : line) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
  return 0;
}
