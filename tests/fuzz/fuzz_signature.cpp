// Any bytes as the signature of a run. What is accepted must be what a run would have written, byte
// for byte; what is not must be refused in one line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "detox/errors.hpp"
#include "record/signature_file.hpp"

namespace {

using namespace detox;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const CommitmentSignature& read, std::string_view text) {
  require(read.chain.first >= 1 && read.chain.first <= read.chain.last);
  const std::string written =
      "detox commitments signed 1\nconfiguration " + read.chain.configuration + "\nsteps " +
      std::to_string(read.chain.first) + " to " + std::to_string(read.chain.last) + "\nline " +
      base64(read.chain.line) + "\nkey " + read.key + "\nsignature " + base64(read.bytes) + "\n";
  require(written == text);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    check(parse_signature("fuzz", text), text);
  } catch (const InputError& error) {
    const std::string_view line = error.what();
    require(!line.empty() && line.size() < 500);
    for (const char c : line) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
  return 0;
}
