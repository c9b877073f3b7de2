// What `detoxml doctor` looks at: one file of doctor_*.cpp a subject. Each function looks, throws
// nothing about what it finds, and takes seconds at most.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace detox {

struct Finding {
  /// An error keeps training from working; a warning costs speed, bits or a part of the program.
  enum class Verdict { kOk, kWarning, kError };
  Verdict verdict = Verdict::kOk;
  std::string subject, text;
  std::string remedy;  ///< a command to paste; empty where all is well
};
using Findings = std::vector<Finding>;

/// The run that the machine is examined for.
struct IntendedRun {
  std::uint64_t workers = 9;
  std::string network = "LeNet", dataset = "FashionMNIST", data_dir, train_dir = "output/models";
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

/// The line for a shell that installs these packages of Debian's; without sudo for root.
std::string command_to_install(std::string_view packages);

/// Processors that control groups allow, by cpu.max (version 2) or cpu.cfs_quota_us (version 1) of
/// the group in `membership` (as /proc/self/cgroup) and of those around it, below `root` (as
/// /sys/fs/cgroup). Empty: no limit.
std::optional<double> cgroup_processors(const std::filesystem::path& membership,
                                        const std::filesystem::path& root);

/// "1.5 GB".
std::string in_bytes(double bytes);

}  // namespace detox
