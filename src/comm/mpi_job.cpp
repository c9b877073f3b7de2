#include "comm/mpi_job.hpp"

#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/module.hpp"

namespace detox {
namespace {

const MpiFunctions* opened = nullptr;

const MpiFunctions& open_mpi() {
  if (opened == nullptr) opened = &functions_of<MpiFunctions>("mpi", "MPI");
  return *opened;
}

}  // namespace

std::unique_ptr<MpiJob> start_mpi(unsigned finalize_seconds, unsigned start_seconds) {
  return open_mpi().start(finalize_seconds, start_seconds);
}

std::string mpi_library_version() { return open_mpi().library_version(); }

void mpi_exits_with(int exit_code) {
  if (opened != nullptr) opened->exits_with(exit_code);
}

void leave_without_finalize(int exit_code) {
  std::cout.flush();
  std::fflush(nullptr);
  _exit(exit_code);
}

}  // namespace detox
