#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/cores.hpp"
#include "base/names.hpp"
#include "base/own_program.hpp"
#include "detox/errors.hpp"
#include "doctor/doctor.hpp"
#include "host/memory.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

// As measured: LeNet 184 MB a process, ResNet18 386 MB at 8 images; larger batches take more.
constexpr double kProcessBytes = 170e6;
constexpr double kCopies = 5;
constexpr double kReplication = 3;

double bytes_of_weights(const IntendedRun& run) {
  return 4.0 * static_cast<double>(run.parameters);
}

double server_rows(const IntendedRun& run) {
  return std::max(1.0, static_cast<double>(run.workers) / kReplication) * bytes_of_weights(run);
}

Finding memory_finding(const IntendedRun& run) {
  const double weights = bytes_of_weights(run);
  const auto threads = static_cast<double>(usable_cores());
  const double local = kProcessBytes + server_rows(run) + kCopies * weights * threads;
  const double mpi =
      (kProcessBytes + kCopies * weights) * static_cast<double>(run.workers + 1) + server_rows(run);
  const auto left = static_cast<double>(available_memory());
  const std::string text = fmt::format(
      "{} left here; {} with {} workers needs about {} in one process, {} over MPI on this "
      "machine alone",
      in_bytes(left), run.network, run.workers, in_bytes(local), in_bytes(mpi));
  if (left < local) return Finding::error("memory", text, "ps aux --sort -rss | head");
  if (left < mpi) {
    return Finding::warning(
        "memory", text,
        fmt::format("detoxml launch -n {} --hostfile hosts_address -- train", run.workers + 1));
  }
  return Finding::ok("memory", text);
}

rlim_t soft_limit(int resource) {
  rlimit limit{};
  return getrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0 ? limit.rlim_cur
                                                                          : RLIM_INFINITY;
}

Findings limit_findings(const IntendedRun& run) {
  Findings findings;
  // Each process of a job costs mpirun three streams and a connection.
  constexpr rlim_t kEach = 6, kOwn = 64;
  const rlim_t files = kEach * (run.workers + 1) + kOwn;
  if (soft_limit(RLIMIT_NOFILE) < files) {
    findings.push_back(Finding::warning(
        "limits",
        fmt::format("{} open files are allowed (ulimit -n), and mpirun wants {} for {} processes",
                    soft_limit(RLIMIT_NOFILE), files, run.workers + 1),
        fmt::format("ulimit -n {}", files)));
  }
  const double checkpoint = 2 * bytes_of_weights(run);
  if (static_cast<double>(soft_limit(RLIMIT_FSIZE)) < checkpoint) {
    findings.push_back(Finding::error(
        "limits",
        fmt::format("a file may have {} (ulimit -f), and a checkpoint of {} has more",
                    in_bytes(static_cast<double>(soft_limit(RLIMIT_FSIZE))), run.network),
        "ulimit -f unlimited"));
  }
  if (soft_limit(RLIMIT_CPU) != RLIM_INFINITY) {
    findings.push_back(
        Finding::warning("limits",
                         fmt::format("a process ends after {} s of processor time (ulimit -t)",
                                     soft_limit(RLIMIT_CPU)),
                         "ulimit -t unlimited"));
  }
  if (soft_limit(RLIMIT_AS) != RLIM_INFINITY) {
    findings.push_back(
        Finding::warning("limits",
                         fmt::format("a process may have {} of addresses (ulimit -v)",
                                     in_bytes(static_cast<double>(soft_limit(RLIMIT_AS)))),
                         "ulimit -v unlimited"));
  }
  // Not for root.
  constexpr rlim_t kProcesses = 8;
  if (geteuid() != 0 && soft_limit(RLIMIT_NPROC) < kProcesses * (run.workers + 1)) {
    findings.push_back(Finding::warning(
        "limits",
        fmt::format("{} processes and threads are allowed (ulimit -u)", soft_limit(RLIMIT_NPROC)),
        fmt::format("ulimit -u {}", kProcesses * (run.workers + 1))));
  }
  if (findings.empty())
    findings.push_back(Finding::ok("limits", "those of this shell are wide enough (ulimit -a)"));
  return findings;
}

/// The folder itself, or what is there of the way to it.
fs::path nearest_existing(const fs::path& folder) {
  std::error_code ignored;
  fs::path path = fs::absolute(folder, ignored);
  while (path.has_relative_path() && !fs::exists(path, ignored)) path = path.parent_path();
  return path;
}

Finding disk_finding(const IntendedRun& run) {
  const fs::path place = nearest_existing(run.train_dir);
  const std::string where = printable(run.train_dir);
  const std::string elsewhere = "detoxml train --train-dir DIR";
  std::error_code ignored;
  if (!fs::is_directory(place, ignored))
    return Finding::error(
        "disk", fmt::format("{}: {} is no directory", where, printable(place.string())), elsewhere);
  struct statvfs info {};
  if (access(place.c_str(), W_OK | X_OK) != 0 || statvfs(place.c_str(), &info) != 0)
    return Finding::error("disk", fmt::format("{} cannot be written", where), elsewhere);
  const double room = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize);
  // The model, momentum, and one of each while the next is written.
  const double two = 4 * bytes_of_weights(run);
  const std::string text =
      fmt::format("{} free for {}; a checkpoint of {} takes {}", in_bytes(room), where, run.network,
                  in_bytes(2 * bytes_of_weights(run)));
  constexpr double kFew = 10;
  if (room < two) return Finding::error("disk", text, elsewhere);
  if (room < kFew * two)
    return Finding::warning("disk", text, "detoxml train --keep-checkpoints 2");
  return Finding::ok("disk", text);
}

/// A clock that was never set lies before everything that was installed, and then HTTPS and Amazon
/// refuse.
Finding clock_finding() {
  struct stat program {};
  const bool known = stat(own_program().c_str(), &program) == 0;
  if (known && program.st_mtime > std::time(nullptr) + 1) {
    return Finding::warning(
        "clock", "it is earlier than this program's file: HTTPS and Amazon refuse wrong times",
        "sudo timedatectl set-ntp true");
  }
  return Finding::ok("clock", "later than this program's file");
}

}  // namespace

Findings examine_room(const IntendedRun& run) {
  Findings findings = {memory_finding(run)};
  for (Finding& finding : limit_findings(run)) findings.push_back(std::move(finding));
  findings.push_back(disk_finding(run));
  findings.push_back(clock_finding());
  return findings;
}

}  // namespace detox
