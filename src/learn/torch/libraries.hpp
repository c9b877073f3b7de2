// Which libraries gradients are computed with. No type of libtorch is in this header.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace detox {

/// Name, and version with the instruction sets in force or the file it was loaded from, as the
/// libraries say themselves: libtorch, BLAS, oneDNN, OpenMP, glibc. Quick; computes nothing.
std::vector<std::pair<std::string, std::string>> training_libraries();

/// The BLAS's sgemm_, as Fortran calls it; null where no library has it.
void* blas_sgemm();

}  // namespace detox
