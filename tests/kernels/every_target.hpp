// The same check on every instruction set.
#pragma once

#include <gtest/gtest.h>

#include "detox/errors.hpp"
#include "kernels/target.hpp"

namespace detox::test {

/// Runs check(name) with the kernels forced to each instruction set that this processor has, its
/// name in the trace; afterwards to none.
template <class Check>
void on_every_target(const Check& check) {
  for (const char* name : {"scalar", "sse4", "avx2", "avx3"}) {
    SCOPED_TRACE(name);
    try {
      force_kernel_target(name);
    } catch (const UsageError&) {
      continue;  // this processor does not have it
    }
    check(name);
  }
  force_kernel_target("");
}

}  // namespace detox::test
