// What a host says about itself before a job is started on it. The launcher runs
// `detoxml host-report` there, the same file as its own, in the folder where the job will run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// What a run will read and need, as its server finds out.
struct RunNeeds {
  std::string network, dataset, data_dir;
  std::uint64_t image_size = 0;
  std::uint64_t worker_bytes = 0, server_bytes = 0;  ///< memory of each process's own
};

struct HostReport {
  std::string version, program;          ///< of detoxml; SHA-256 of the file
  std::string host;                      ///< its own name for itself
  bool has_orted = false;                ///< mpirun's daemon, on the PATH that commands have there
  std::vector<std::string> networks;     ///< IPv4, its own address in each: 10.0.0.7/24
  std::string reached_at, reached_from;  ///< the two ends of the connection, as ssh tells them
  std::uint64_t memory = 0;              ///< bytes that are free
  std::uint64_t shared_bytes = 0;        ///< of libraries, once for all processes
  std::string data, network;             ///< digests of what a worker reads; empty where it cannot
  std::string failure;                   ///< why it cannot take part: train's own words
  int failure_code = 0;                  ///< and its exit code
  std::optional<RunNeeds> needs;         ///< the server's host alone
};

std::string report_text(const HostReport& report);  ///< one line of JSON
std::string needs_text(const RunNeeds& needs);

/// Empty where the text is no report: another version may say anything. The last line counts.
std::optional<HostReport> parse_report(std::string_view text);
std::optional<RunNeeds> parse_needs(std::string_view text);

/// All that does not depend on the run.
HostReport report_of_this_host(std::string_view version);

}  // namespace detox
