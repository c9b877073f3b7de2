// Pins the profile and prints what it runs under: the other end of numerics_test.cpp.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "detox/errors.hpp"
#include "host/numerics.hpp"

namespace {

/// How often the program and its libraries were initialised.
const std::string kStarts = [] {
  const char* before = std::getenv("PROBE_STARTS");
  std::string now = std::string(before == nullptr ? "" : before) + "x";
  setenv("PROBE_STARTS", now.c_str(), 1);
  return now;
}();

}  // namespace

int main(int argc, char** argv) {
  try {
    detox::pin_numerics();
  } catch (const detox::Error& error) {
    std::printf("error %d: %s\n", error.exit_code(), error.what());
    return error.exit_code();
  }
  std::printf("starts=%s\n", kStarts.c_str());
  for (const char* name :
       {"DETOX_PROFILE", "ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE", "DNNL_MAX_CPU_ISA",
        "ONEDNN_MAX_CPU_ISA", "ONEDNN_CPU_ISA_HINTS", "ONEDNN_DEFAULT_FPMATH_MODE",
        "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"}) {
    const char* value = std::getenv(name);
    std::printf("%s=%s\n", name, value == nullptr ? "" : value);
  }
  for (const std::string& replaced : detox::replaced_variables())
    std::printf("replaced %s\n", replaced.c_str());
  for (int i = 1; i < argc; ++i) std::printf("[%s]", argv[i]);
}
