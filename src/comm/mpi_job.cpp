#include "comm/mpi_job.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string_view>

#include "base/module.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

const MpiModule* opened = nullptr;

const MpiModule& load_mpi() {
  void* module = nullptr;
  const std::filesystem::path file = module_file("mpi");
  try {
    module = open_module(file);
  } catch (const InputError& error) {
    throw InputError(fmt::format("MPI is not there: {}", error.what()));
  }
  const auto* table = static_cast<const MpiModule*>(symbol_of(module, kMpiModuleSymbol));
  if (table == nullptr || std::string_view(table->build) != kMpiModuleBuild)
    throw InputError(
        fmt::format("{}: not of this program's build; reinstall detoxml", file.string()));
  opened = table;
  return *table;
}

const MpiModule& open_mpi() {
  static const MpiModule& module = load_mpi();
  return module;
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
