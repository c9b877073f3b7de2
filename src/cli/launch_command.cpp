// `detoxml launch`: the run of `detoxml train` as one MPI job, on this machine or on the hosts of a
// file.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "base/own_program.hpp"
#include "base/private_directory.hpp"
#include "cli/command.hpp"
#include "comm/result_file.hpp"
#include "detox/errors.hpp"
#include "host/mpi_start.hpp"
#include "host/numerics.hpp"
#include "launch/foreign_job.hpp"
#include "launch/host_checks.hpp"
#include "launch/host_shell.hpp"
#include "launch/hostfile.hpp"
#include "launch/numerics_option.hpp"
#include "launch/supervise.hpp"

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

With a hostfile each host is first asked, all at once, whether it can take part: reached without a password (ssh, or
srun in a Slurm job: --agent), this program at the same path, MPI's daemon, the same training data, enough free memory.
What fails is named, host by host, and nothing is started. MPI then uses the network that the addresses of the hostfile
are in.

A worker that dies, stops or fails costs its own votes alone; one that goes on later is taken in again. All processes
must come up, though, within --start-timeout. If the server dies, the job ends with exit code 1: add --resume auto to go
on. For this the launcher has to run on the server's machine, the first of the hostfile.)";

constexpr int kMaxProcesses = 10'000;

struct Options {
  int processes = 0;
  std::string hostfile, agent = "auto";
  bool no_checks = false, tag_output = false;
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

/// Everything that is decided once for a launch, however often its job is started.
struct Launch {
  const Options& options;
  std::vector<HostSlots> placed;
  std::string network;             ///< see network_between()
  std::vector<std::string> agent;  ///< how mpirun reaches other hosts, as its arguments
};

bool is_chosen_by_user(const char* parameter) {
  return std::getenv((std::string("OMPI_MCA_") + parameter).c_str()) != nullptr;
}

void add_network(const Launch& launch, std::vector<std::string>& arguments) {
  if (launch.network.empty()) return;
  for (const char* layer : {"oob_tcp_if", "btl_tcp_if"}) {
    const std::string include = std::string(layer) + "_include";
    const std::string exclude = std::string(layer) + "_exclude";
    if (is_chosen_by_user(include.c_str()) || is_chosen_by_user(exclude.c_str())) continue;
    arguments.insert(arguments.end(), {"--mca", include, launch.network});
  }
}

Job mpi_job(const Launch& launch, const std::string& profile) {
  const Options& options = launch.options;
  std::string hosts;
  for (const HostSlots& host : launch.placed) {
    hosts += fmt::format("{}{}:{}", hosts.empty() ? "" : ",", host.host, host.slots);
  }
  Job job;
  job.result_file = is_this_machine(launch.placed.front().host);
  job.tagged_lines = options.tag_output;
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
                   "--tag-output",
                   "--mca",
                   "mpi_yield_when_idle",
                   "1",
                   "--mca",
                   "btl_vader_single_copy_mechanism",
                   "none"};
  job.arguments.insert(job.arguments.end(), launch.agent.begin(), launch.agent.end());
  add_network(launch, job.arguments);
  if (geteuid() == 0) job.arguments.emplace_back("--allow-run-as-root");
  job.why_not_started = why_mpi_did_not_start;
  job.environment = profile_variables(profile);
  for (const auto& variable : job.environment) {
    job.arguments.insert(job.arguments.end(), {"-x", variable.first});
  }
  for (const auto& variable : missing_home()) job.environment.push_back(variable);
  if (job.result_file) {
    // mpirun then goes on without ranks that die, whichever they are, and its own exit code is
    // always 0: that takes a launcher which sees the server and its result.
    job.arguments.insert(job.arguments.end(), {"--enable-recovery", "-x", kResultVariable});
  } else {
    log_warning(
        "the server is on another machine than this launcher: a worker that dies ends the job; "
        "start "
        "it on {} to go on without dead workers",
        launch.placed.front().host);
  }
  job.arguments.push_back(own_program());
  job.arguments.insert(job.arguments.end(), options.command.begin(), options.command.end());
  return job;
}

/// mpirun starts its daemons as the checks were done, each from here: hosts need not reach each
/// other by ssh. The script is one word less to quote for mpirun, and need not be executable.
std::vector<std::string> agent_arguments(const HostShell& shell,
                                         const PrivateDirectory& directory) {
  // What is left is rsh in Open MPI 4, and ssh in 5, which takes the options of rsh for its own.
  constexpr const char* kStarters = "^slurm,tm,lsf,alps,pals";
  std::vector<std::string> arguments{"--mca", "plm", kStarters, "--mca", "plm_rsh_no_tree_spawn",
                                     "1"};
  const std::string script = shell.agent_script();
  if (!script.empty()) {
    const std::string file = directory.path() / "agent";
    if (file.find(' ') != std::string::npos)
      throw UsageError(
          fmt::format("mpirun takes no spaces in {}: set TMPDIR to a folder without", file));
    std::ofstream out(file);
    out << script;
    if (!out.flush()) throw InputError(fmt::format("{} cannot be written", file));
    arguments.insert(arguments.end(), {"--mca", "plm_rsh_agent", "/bin/sh " + file});
  }
  if (shell.ends_with_its_command()) arguments.emplace_back("--leave-session-attached");
  return arguments;
}

/// The help of train where it is asked for; empty otherwise.
std::string help_asked_for(const CLI::App& program, const std::vector<std::string>& command) {
  if (command.empty() || command.front() != "train") return {};
  const auto is_said = [&](std::string_view word) {
    return std::ranges::find(command, word) != command.end();
  };
  const bool all = is_said("--help-all");
  if (!all && !is_said("--help") && !is_said("-h")) return {};
  return program.get_subcommand("train")->help(
      "detoxml", all ? CLI::AppFormatMode::All : CLI::AppFormatMode::Normal);
}

/// Where nobody can be told the job runs all the same, and ends as it does.
void tell_places(const std::vector<HostSlots>& placed) {
  const std::string map = rank_map(placed);
  if (std::fwrite(map.data(), 1, map.size(), stdout) == map.size() && std::fflush(stdout) == 0)
    return;
  log_warning("the places of the ranks could not be written");
  std::clearerr(stdout);
}

int launch(const Options& options) {
  if (options.command.empty() || options.command.front() != "train") {
    throw UsageError(fmt::format(
        "{}: only train runs as a job, as in detoxml launch -n 10 -- train --max-steps 300",
        options.command.empty()
            ? "what to launch is missing"
            : fmt::format("'{}' cannot be launched", printable(options.command.front(), 40))));
  }
  refuse_foreign_job();
  check_that_mpi_can_start();
  Launch launch{options, hosts_for(options), {}, {}};
  tell_places(launch.placed);
  const PrivateDirectory directory;
  if (!options.hostfile.empty()) {
    const bool all_here = std::ranges::all_of(
        launch.placed, [](const HostSlots& host) { return is_this_machine(host.host); });
    const HostShell shell(all_here ? "none" : options.agent);
    if (!options.no_checks) launch.network = check_hosts(launch.placed, shell, options.command);
    if (!all_here) launch.agent = agent_arguments(shell, directory);
  }
  const Numerics numerics = numerics_option(options.command);
  const std::string profile =
      numerics == Numerics::kPortable ? kPortableProfile : profile_in_force();
  bool may_repeat = numerics == Numerics::kAuto && profile != kPortableProfile;
  return supervise(mpi_job(launch, profile), {}, [&](int exit_code) -> std::optional<Job> {
    if (exit_code != DisagreementError::kExitCode || !may_repeat) return std::nullopt;
    may_repeat = false;
    log_info("starting again under the numerical profile {} (--numerics)", kPortableProfile);
    return mpi_job(launch, kPortableProfile);
  });
}

}  // namespace

Command launch_command(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("launch", "Run train over MPI, on this machine or on many");
  app->footer(kFooter);
  const auto options = std::make_shared<Options>();
  app->add_option("-n,--processes", options->processes, "Processes: the workers and one server")
      ->required()
      ->type_name("N")
      ->check(CLI::Range(2, kMaxProcesses).description(""));
  app->add_option("--hostfile", options->hostfile,
                  "Which machines, in order; without it this one alone")
      ->type_name("FILE");
  app->add_option("--agent", options->agent,
                  "How other machines are reached: ssh, srun (in a job of Slurm's), or auto: srun "
                  "where SLURM_JOB_ID is set")
      ->type_name("auto|ssh|srun")
      ->check(CLI::IsMember({"auto", "ssh", "srun"}).description(""))
      ->capture_default_str();
  app->add_flag("--no-checks", options->no_checks,
                "Start without asking the hosts of the hostfile first");
  app->add_flag("--tag-output", options->tag_output, "Begin each line with its rank: \"rank 3: \"");
  app->add_option("command", options->command,
                  "After --: train and its options, passed on as they are")
      ->type_name("train");
  return {app, [options, &program] {
            options->command = words_passed_on(options->command);
            if (const std::string help = help_asked_for(program, options->command); !help.empty()) {
              fmt::print("{}", help);
              return 0;
            }
            return launch(*options);
          }};
}

}  // namespace detox
