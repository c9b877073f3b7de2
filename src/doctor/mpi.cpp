#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/child_program.hpp"
#include "base/names.hpp"
#include "base/own_program.hpp"
#include "comm/mpi_job.hpp"
#include "detox/errors.hpp"
#include "doctor/doctor.hpp"
#include "host/mpi_start.hpp"

namespace detox {
namespace {

constexpr std::chrono::seconds kHelloLimit{40};
constexpr const char* kHello = "both processes are there";

/// What mpirun says of itself, "mpirun (Open MPI) 4.1.4", as the library would say it.
std::string mpirun_version() {
  ChildProgram ask;
  ask.arguments = {"mpirun", "--version"};
  ask.time_limit = std::chrono::seconds(10);
  std::string line = run_child(ask).output;
  line.resize(std::min(line.size(), line.find('\n')));
  const std::size_t open = line.find('('), close = line.find(')');
  if (open == std::string::npos || close == std::string::npos) return line;
  return line.substr(open + 1, close - open - 1) + line.substr(close + 1);
}

Finding job_finding() {
  ChildProgram job;
  job.arguments = {"mpirun", "-n", "2", "--oversubscribe", "--bind-to", "none"};
  if (geteuid() == 0) job.arguments.emplace_back("--allow-run-as-root");
  job.arguments.insert(job.arguments.end(), {own_program(), "doctor", "--answer-over-mpi"});
  job.environment = missing_home();
  // mpirun would make this folder, and leave it.
  if (const char* set = std::getenv("TMPDIR"); set != nullptr && access(set, F_OK) != 0)
    job.environment.emplace_back("TMPDIR", "/tmp");
  job.time_limit = kHelloLimit;
  const ChildResult result = run_child(job);
  if (result.ok() && result.output.find(kHello) != std::string::npos)
    return Finding::ok("MPI", "a job of two processes on this machine worked");
  std::string said = result.errors + result.output;
  // mpirun frames its messages with lines of dashes.
  std::string shown;
  for (std::size_t begin = 0; begin < said.size() && shown.size() < 160;) {
    const std::size_t end = std::min(said.find('\n', begin), said.size());
    const std::string line = said.substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of("- ") != std::string::npos)
      shown += (shown.empty() ? "" : " ") + line;
  }
  return Finding::error("MPI",
                        result.timed_out
                            ? fmt::format("a job of two processes did not end within {} s: {}",
                                          kHelloLimit.count(), printable(shown, 160))
                            : fmt::format("a job of two processes ended with {}: {}",
                                          result.exit_code, printable(shown, 160)),
                        shell_line(job.arguments));
}

Finding version_finding() {
  const std::string library = mpi_library_version(), program = mpirun_version();
  if (library == program)
    return Finding::ok("MPI", fmt::format("mpirun and the library are {}", library));
  return Finding::error(
      "MPI", fmt::format("mpirun is {} and the library is {}", printable(program), library),
      "command -v mpirun; " + command_to_install("openmpi-bin"));
}

Finding root_finding() {
  for (const char* name : {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"}) {
    if (std::getenv(name) == nullptr) {
      return Finding::ok(
          "MPI",
          "mpirun refuses root unless it is told; detoxml launch tells it, for plain mpirun export "
          "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
    }
  }
  return Finding::ok("MPI", "root may call mpirun");
}

double free_bytes(const std::string& folder) {
  struct statvfs info {};
  if (statvfs(folder.c_str(), &info) != 0) return -1;
  return static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize);
}

/// Where the processes of one machine pass messages: a file of this size each.
Finding shared_memory_finding(std::uint64_t processes) {
  constexpr const char* kFolder = "/dev/shm";
  constexpr double kSegment = 4 << 20;
  const double room = free_bytes(kFolder), needed = kSegment * static_cast<double>(processes);
  if (access(kFolder, W_OK) != 0) {
    return Finding::warning(
        "shared memory",
        fmt::format("{} is not there or cannot be written: processes on one machine talk over TCP",
                    kFolder),
        fmt::format("sudo mount -t tmpfs -o mode=1777 tmpfs {}", kFolder));
  }
  const std::string text = fmt::format("{} free in {}, and {} processes on this machine want {}",
                                       in_bytes(room), kFolder, processes, in_bytes(needed));
  if (room >= needed) return Finding::ok("shared memory", text);
  return Finding::warning("shared memory", text + " (a container: --shm-size)",
                          fmt::format("sudo mount -o remount,size={:.0f}m {}",
                                      std::ceil(needed * 1.5 / (1 << 20)), kFolder));
}

}  // namespace

Findings examine_mpi(const IntendedRun& run) {
  Findings findings = {host_name_finding(), session_finding(),
                       shared_memory_finding(run.workers + 1)};
  if (!is_on_path("mpirun")) {
    findings.push_back(Finding::error("MPI", "mpirun is not on PATH: detoxml launch cannot work",
                                      command_to_install("openmpi-bin")));
    return findings;
  }
  try {
    findings.push_back(version_finding());
    if (geteuid() == 0) findings.push_back(root_finding());
    findings.push_back(job_finding());
  } catch (const Error& error) {
    findings.push_back(Finding::error("MPI", error.what(), "command -v mpirun"));
  }
  return findings;
}

int answer_over_mpi() {
  constexpr unsigned kSeconds = 15;
  int size = 0;
  {
    const std::unique_ptr<MpiJob> job = start_mpi(kSeconds, kSeconds);
    size = job->rank() == 0 ? job->size() : 0;
  }
  // The job has ended, and in it each process heard of the other.
  if (size == 2) fmt::print("{}\n", kHello);
  return 0;
}

}  // namespace detox
