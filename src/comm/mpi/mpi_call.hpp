// Return codes of MPI as errors of ours. Only for the files of this folder.
#pragma once

#include <mpi.h>

#include <array>
#include <string>

#include "detox/errors.hpp"

namespace detox {

/// InputError "MPI could not <what>: <why>" unless the code is MPI_SUCCESS.
inline void check_mpi(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw InputError(std::string("MPI could not ") + what + ": " + text.data());
}

}  // namespace detox
