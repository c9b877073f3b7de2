// `detoxml launch`: the run of `detoxml train` as one MPI job, on this machine or on the hosts of a
// file.
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <sstream>

#include "base/log.hpp"
#include "cli/command.hpp"
#include "cli/hostfile.hpp"
#include "cli/numerics.hpp"
#include "cli/own_program.hpp"
#include "cli/supervise.hpp"
#include "detox/errors.hpp"
#include "record/file_io.hpp"

namespace detox {
namespace {

constexpr const char* kFooter = R"(n = P + 1: the server and P workers. Examples:
  detoxml launch -n 10 -- train --network LeNet --max-steps 300
  detoxml launch -n 46 --hostfile hosts_address -- train --worker-fail 5

A line of a hostfile is an address, perhaps followed by slots=N. Without slots it gets one process. Processes are placed
in the order of the lines, the server (rank 0) first; # begins a comment. Without a hostfile all run on this machine,
also where they are more than its cores. Ctrl-C ends the run with a checkpoint, a second Ctrl-C at once. The exit code
is the run's own, and when the run has one, all its processes end within 10 seconds, on all hosts. Where it is 4, too
few workers compute the same bits, and unless --numerics says otherwise the run is started once more under the portable
profile.

A worker that dies, stops or fails costs its own votes alone; one that goes on later is taken in again. All processes
must come up, though, within --start-timeout. If the server dies, the job ends with exit code 1: add --resume auto to go
on. For this the launcher has to run on the server's machine, the first of the hostfile.)";

constexpr int kMaxProcesses = 10'000;

struct Options {
  int processes = 0;
  std::string hostfile;
  std::vector<std::string> command;
};

std::vector<HostSlots> hosts_for(const Options& options) {
  if (options.hostfile.empty()) return {{"localhost", options.processes}};
  try {
    std::istringstream text{std::string(text_of(read_file(options.hostfile)))};
    return place_ranks(parse_hostfile(text, options.hostfile), options.processes);
  } catch (const InputError& error) {
    throw UsageError(fmt::format("--hostfile: {}", error.what()));
  }
}

Job mpi_job(const Options& options, const std::vector<HostSlots>& placed,
            const std::string& profile) {
  std::string hosts;
  for (const HostSlots& host : placed) {
    hosts += fmt::format("{}{}:{}", hosts.empty() ? "" : ",", host.host, host.slots);
  }
  Job job;
  job.result_file = is_this_machine(placed.front().host);
  // Yielding, and copying through shared memory, are what makes many ranks on few cores fast.
  job.arguments = {"mpirun",
                   "-n",
                   std::to_string(options.processes),
                   "--host",
                   hosts,
                   "--map-by",
                   "slot",
                   "--oversubscribe",
                   "--bind-to",
                   "none",
                   "--mca",
                   "mpi_yield_when_idle",
                   "1",
                   "--mca",
                   "btl_vader_single_copy_mechanism",
                   "none"};
  if (geteuid() == 0) job.arguments.emplace_back("--allow-run-as-root");
  job.environment = profile_variables(profile);
  for (const auto& variable : job.environment) {
    job.arguments.insert(job.arguments.end(), {"-x", variable.first});
  }
  if (job.result_file) {
    // mpirun then goes on without ranks that die, whichever they are, and its own exit code is
    // always 0: that takes a launcher which sees the server and its result.
    job.arguments.insert(job.arguments.end(), {"--enable-recovery", "-x", "DETOX_RESULT_FILE"});
  } else {
    log_warning(
        "the server is on another machine than this launcher: a worker that dies ends the job; "
        "start "
        "it on {} to go on without dead workers",
        placed.front().host);
  }
  job.arguments.push_back(own_program());
  job.arguments.insert(job.arguments.end(), options.command.begin(), options.command.end());
  return job;
}

int launch(const Options& options) {
  if (options.command.empty() || options.command.front() != "train") {
    throw UsageError(
        "what to launch is missing: only train runs as a job, as in detoxml launch -n 10 -- train "
        "--max-steps 300");
  }
  const std::vector<HostSlots> placed = hosts_for(options);
  fmt::print("{}", rank_map(placed));
  std::fflush(stdout);
  const std::string numerics = numerics_option(options.command);
  const std::string profile = numerics == kPortableProfile ? kPortableProfile : profile_in_force();
  const int exit_code = supervise(mpi_job(options, placed, profile));
  const bool may_repeat = numerics == "auto" && profile != kPortableProfile;
  if (exit_code != DisagreementError::kExitCode || !may_repeat) return exit_code;
  log_info("starting again under the numerical profile {} (--numerics)", kPortableProfile);
  return supervise(mpi_job(options, placed, kPortableProfile));
}

}  // namespace

Command launch_command(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("launch", "Run train over MPI, on this machine or on many");
  app->footer(kFooter);
  const auto options = std::make_shared<Options>();
  app->add_option("-n,--processes", options->processes, "Processes: the workers and one server")
      ->required()
      ->check(CLI::Range(2, kMaxProcesses));
  app->add_option("--hostfile", options->hostfile,
                  "Which machines, in order; without it this one alone")
      ->type_name("FILE");
  app->add_option("command", options->command,
                  "After --: train and its options, passed on as they are")
      ->type_name("train");
  return {app, [options] { return launch(*options); }};
}

}  // namespace detox
