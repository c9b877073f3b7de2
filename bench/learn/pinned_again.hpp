// main() of benchmarks that link libtorch themselves: it is loaded before main(), so such a program
// is executed again where its environment was another than the numerical profile's.
#pragma once

#include <unistd.h>

#include "base/own_program.hpp"
#include "host/numerics.hpp"

namespace detox {

inline void pin_numerics_again(char** argv) {
  if (pin_numerics()) execv(own_program().c_str(), argv);
}

}  // namespace detox
