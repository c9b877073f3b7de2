// The door to MPI: a module that is opened by whoever takes part in a job, so that the program
// starts on machines without MPI.
#pragma once

#include <memory>
#include <string>

#include "comm/transport.hpp"

namespace detox {

/// This process's part in a job: MPI from its construction to its destruction (MpiSession).
class MpiJob {
 public:
  virtual ~MpiJob() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// On rank 0: this rank has died or is silent, and the job's end does not wait for it.
  virtual void lost(int rank) = 0;
  /// This process's end (MpiTransport), as long as the job.
  virtual Transport& transport() = 0;
};

/// How long the ranks wait for each other at the end.
inline constexpr unsigned kFinalizeSeconds = 20;

/// MpiSession's arguments. InputError where MPI is not installed or does not start.
std::unique_ptr<MpiJob> start_mpi(unsigned finalize_seconds, unsigned start_seconds);

/// "Open MPI 4.1.4": the library that is loaded, which may be another than was compiled against.
/// Starts nothing. InputError where it is not installed.
std::string mpi_library_version();

/// What this process is about to end with, in case that it has to leave without main's return.
void mpi_exits_with(int exit_code);

/// Ends this process at once, its output flushed. mpirun ends the whole job with this code unless
/// it is 0.
[[noreturn]] void leave_without_finalize(int exit_code);

/// What the module brings.
struct MpiFunctions {
  std::unique_ptr<MpiJob> (*start)(unsigned finalize_seconds, unsigned start_seconds);
  std::string (*library_version)();
  void (*exits_with)(int exit_code);
};

}  // namespace detox
