// What keeps a job of MPI's from starting on this machine: told before one is started, or once one
// has not.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "host/finding.hpp"

namespace detox {

/// Where Open MPI keeps a job's files: TMPDIR, or /tmp.
Finding session_finding();

/// The name of this machine, which Open MPI 4.1 has room for up to a length.
Finding host_name_finding();

/// Variables that set a parameter of Open MPI's.
std::vector<std::string> mpi_parameters();

/// HOME for programs that look for it and crash where neither the environment nor passwd has one:
/// what is to be added to theirs.
std::vector<std::pair<std::string, std::string>> missing_home();

/// InputError where a job is known not to start here.
void check_that_mpi_can_start();

/// What may be the reason that one has not, and what mends it: one line, with the doctor's word
/// where nothing is found. Asks mpirun who it is.
std::string why_mpi_did_not_start();

}  // namespace detox
