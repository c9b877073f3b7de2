// Starters of several processes that are not Open MPI's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace detox {

/// Of what another mpirun, or srun without Open MPI, says to the processes that it starts. Each of
/// them would take itself for the only one.
struct ForeignJob {
  std::string variable;  ///< "PMI_SIZE=4"
  int rank = 0, size = 1;
};

/// By the environment alone. Empty under Open MPI's mpirun, and in a batch script of Slurm's, which
/// is one process whatever its job may start.
std::optional<ForeignJob> foreign_job();

/// UsageError where this process is one of such a job; but of its other ranks, where no person
/// looks at a terminal, each ends quietly with the same exit code, so that it is told once.
void refuse_foreign_job();

/// The same of a command, by its name, that starts runs itself, and under Open MPI's mpirun.
void refuse_any_job(std::string_view command);

}  // namespace detox
