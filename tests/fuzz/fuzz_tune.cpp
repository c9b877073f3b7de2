// Any bytes as --sweep. What is accepted must be values that the option takes, that stay the same
// when they are read again and that are runs of their own; what is not must be refused in one line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "detox/errors.hpp"
#include "experiment/sweep.hpp"
#include "experiment/trial.hpp"

namespace {

using namespace detox;

void require_true(bool condition) {
  if (!condition) std::abort();
}

void require_line(const std::string& text) {
  for (const char c : text) require_true(static_cast<unsigned char>(c) >= 0x20);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const Sweep sweep = parse_sweep(text);
    require_true(!sweep.values.empty() && sweep.values.size() <= kMostValues);
    const Option& option = find_option(sweep.option);
    for (const std::string& value : sweep.values) {
      RunConfig config;
      set_option(option, value, config);
      require_true(option_text(option, config) == value);
    }
    // Two values may not be one run.
    require_true(trials_of(RunConfig{}, {sweep}).size() == sweep.values.size());
  } catch (const UsageError& error) {
    require_line(error.what());
  }
  return 0;
}
