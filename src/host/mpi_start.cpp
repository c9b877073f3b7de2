#include "host/mpi_start.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "base/child_program.hpp"
#include "base/home_folder.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using Verdict = Finding::Verdict;

double free_bytes(const std::string& folder) {
  struct statvfs info {};
  if (statvfs(folder.c_str(), &info) != 0) return -1;
  return static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize);
}

std::string in_words(const Finding& finding) {
  return fmt::format("{}: {}; mend: {}", finding.subject, finding.text, finding.remedy);
}

/// Empty where mpirun is Open MPI's, or says nothing.
std::string foreign_mpirun() {
  ChildProgram ask;
  ask.arguments = {"mpirun", "--version"};
  ask.environment = missing_home();
  ask.time_limit = std::chrono::seconds(10);
  std::string line;
  try {
    const ChildResult said = run_child(ask);
    line = said.output.substr(0, said.output.find('\n'));
    if (said.output.find("Open MPI") != std::string::npos || line.empty()) return {};
  } catch (const InputError&) {
    return {};
  }
  return fmt::format(
      "the first mpirun on PATH is not Open MPI's, but says '{}'; mend: let Open MPI's come first "
      "(on Debian /usr/bin/mpirun.openmpi)",
      printable(line, 80));
}

}  // namespace

Finding session_finding() {
  const char* set = std::getenv("TMPDIR");
  const std::string folder = set != nullptr && *set != '\0' ? set : "/tmp";
  constexpr double kNeeded = 16 << 20;
  if (access(folder.c_str(), F_OK) != 0) {
    return Finding::warning(
        "temporary files",
        fmt::format("TMPDIR: there is no {}; /tmp is taken instead", printable(folder)),
        "unset TMPDIR");
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    return Finding::error("temporary files",
                          fmt::format("TMPDIR: {} cannot be written", printable(folder)),
                          "unset TMPDIR");
  }
  const double room = free_bytes(folder);
  const std::string text = fmt::format("{} free in {}, where Open MPI keeps a job's files",
                                       in_bytes(room), printable(folder));
  if (room >= kNeeded) return Finding::ok("temporary files", text);
  return Finding::error("temporary files", text, "export TMPDIR=/var/tmp");
}

Finding host_name_finding() {
  constexpr std::size_t kLongest = 56;
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  const std::string_view text = name.data();
  if (text.size() <= kLongest)
    return Finding::ok("host name", fmt::format("{} is short enough", printable(text)));
  return Finding::error(
      "host name",
      fmt::format("{} has {} characters, and Open MPI's mpirun crashes above {}", printable(text),
                  text.size(), kLongest),
      fmt::format("sudo hostname {}", printable(text.substr(0, text.find('.')), 20)));
}

std::vector<std::string> mpi_parameters() {
  std::vector<std::string> names;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (text.starts_with("OMPI_MCA_") || text.starts_with("PMIX_MCA_") ||
        text.starts_with("PRTE_MCA_"))
      names.emplace_back(text.substr(0, text.find('=')));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::pair<std::string, std::string>> missing_home() {
  if (home_folder()) return {};
  return {{"HOME", "/"}};
}

void check_that_mpi_can_start() {
  for (const Finding& finding : {host_name_finding(), session_finding()}) {
    if (finding.verdict == Verdict::kError) throw InputError(in_words(finding));
  }
}

std::string why_mpi_did_not_start() {
  if (std::string foreign = foreign_mpirun(); !foreign.empty()) return foreign;
  for (const Finding& finding : {host_name_finding(), session_finding()}) {
    if (finding.verdict == Verdict::kError) return in_words(finding);
  }
  if (const std::vector<std::string> names = mpi_parameters(); !names.empty()) {
    return fmt::format("it may be {}, which is exported; try: unset {}", fmt::join(names, ", "),
                       fmt::join(names, " "));
  }
  return "detoxml doctor examines this machine";
}

}  // namespace detox
