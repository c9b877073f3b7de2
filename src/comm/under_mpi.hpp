// What mpirun tells a process that it starts. Looks at the environment alone.
#pragma once

namespace detox {

/// Whether mpirun (Open MPI) started this process.
bool started_under_mpi();

/// The rank and the number of processes that mpirun gave to this one; 0 and 1 without mpirun.
int rank_under_mpi();
int size_under_mpi();

/// Whether mpirun started all processes of the job on this machine; false without mpirun.
bool all_here_under_mpi();

}  // namespace detox
