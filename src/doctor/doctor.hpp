// What `detoxml doctor` looks at: one file a subject. Each function looks, throws
// nothing about what it finds, and takes seconds at most.
#pragma once

#include <cstdint>
#include <string>

#include "config/run_config.hpp"
#include "host/finding.hpp"

namespace detox {

/// The run that the machine is examined for.
struct IntendedRun {
  std::uint64_t workers = kStandardWorkers;
  std::string network = RunConfig().network, dataset = RunConfig().dataset, data_dir,
              train_dir = RunConfig().train_dir, learner;
  std::uint64_t parameters = 0;  ///< of the network
};

/// The profile against the processor, and exported variables that cost speed or bits.
Findings examine_variables();
/// BLAS and its measured speed, cores, limits on them, libraries from unusual places.
Findings examine_arithmetic();
/// mpirun, its version, a job of two processes, and where Open MPI keeps its files.
Findings examine_mpi(const IntendedRun& run);
/// Data sets that are there, read whole and compared with their checksums.
Findings examine_data(const IntendedRun& run);
/// Memory, limits of the shell, room where the run's files go, the clock.
Findings examine_room(const IntendedRun& run);
/// Programs that a part of the commands calls.
Findings examine_programs();

/// What a process of that job runs; returns the exit code.
int answer_over_mpi();

}  // namespace detox
