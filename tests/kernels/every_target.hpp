// The same check on every instruction set.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "detox/errors.hpp"
#include "kernels/target.hpp"

namespace detox::test {

/// Runs check(name) with the kernels forced to each instruction set that this processor has, its
/// name in the trace; afterwards to none.
template <class Check>
void on_every_target(const Check& check) {
  for (const std::string_view target : kernel_target_names()) {
    const std::string name(target);
    SCOPED_TRACE(name);
    try {
      force_kernel_target(name);
    } catch (const UsageError&) {
      continue;  // this processor does not have it
    }
    check(name.c_str());
  }
  force_kernel_target("");
}

}  // namespace detox::test
