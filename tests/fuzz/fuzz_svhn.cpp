// Any bytes as one of SVHN's MATLAB files, through libmatio. What is accepted must be whole samples
// with labels in range; what the verifier refuses must never reach libmatio.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "data/svhn.hpp"
#include "detox/errors.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int file = memfd_create("fuzz", 0);
  require(file >= 0 && write(file, data, size) == static_cast<ssize_t>(size));
  try {
    const auto images = detox::read_svhn_file("/proc/self/fd/" + std::to_string(file));
    require(!images.labels.empty() && images.pixels.size() == images.labels.size() * 3072);
    for (const std::uint16_t label : images.labels) require(label < 10);
  } catch (const detox::InputError&) {
  }
  close(file);
  return 0;
}
