// main() of programs beside detoxml that compute gradients as it does.
#pragma once

#include <cstdio>

#include "detox/errors.hpp"
#include "host/numerics.hpp"

namespace detox {

/// run(argc, argv) under the numerical profile; an error is one line that begins with `name`.
template <class Run>
int pinned_main(int argc, char** argv, const char* name, const Run& run) {
  try {
    pin_numerics();
    return run(argc, argv);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return error.exit_code();
  }
}

}  // namespace detox
