// `detoxml doctor`: what is missing, slow or inconsistent on this machine, and how to mend it.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "base/child_program.hpp"
#include "base/learner.hpp"
#include "cli/command.hpp"
#include "comm/under_mpi.hpp"
#include "detox/errors.hpp"
#include "doctor/doctor.hpp"
#include "learn/learner_file.hpp"
#include "learn/open_learner.hpp"

namespace detox {
namespace {

Finding program_finding(const char* program, const char* purpose, const char* package) {
  if (is_on_path(program)) return Finding::ok("programs", fmt::format("{}: {}", program, purpose));
  return Finding::warning("programs", fmt::format("{} is not on PATH: {}", program, purpose),
                          command_to_install(package));
}

Finding aws_finding() {
  constexpr const char* kPurpose = "machines of Amazon's";
  if (is_on_path("aws")) {
    ChildProgram ask;
    ask.arguments = {"aws", "--version"};
    ask.time_limit = std::chrono::seconds(10);
    const ChildResult result = run_child(ask);
    // Version 1 does not know the options of version 2, and has said its version on either stream.
    if ((result.output + result.errors).find("aws-cli/1.") != std::string::npos) {
      return Finding::warning(
          "programs",
          fmt::format("aws is version 1, and cluster needs version 2 first on PATH: {}", kPurpose),
          command_to_install("awscli"));
    }
  }
  return program_finding("aws", kPurpose, "awscli");
}

Finding plot_finding() {
  // The one that plots are drawn with: that of Debian's packages, whatever lies earlier on PATH.
  constexpr const char* kSystemPython = "/usr/bin/python3";
  const char* python = access(kSystemPython, X_OK) == 0 ? kSystemPython : "python3";
  ChildProgram ask;
  ask.arguments = {
      python, "-c",
      "import importlib.util, sys; sys.exit(importlib.util.find_spec('matplotlib') is None)"};
  ask.time_limit = std::chrono::seconds(20);
  try {
    if (run_child(ask).ok())
      return Finding::ok("programs", fmt::format("{} with matplotlib: plots", python));
  } catch (const InputError&) {
    // The same remedy: it depends on the interpreter.
  }
  return Finding::warning("programs",
                          fmt::format("{} has no matplotlib: plots cannot be drawn", python),
                          command_to_install("python3-matplotlib"));
}

/// 0 where no learner can be opened, which is a finding of its own.
std::uint64_t parameters_of(const std::string& network) {
  try {
    open_learner();
  } catch (const InputError&) {
    return 0;
  }
  try {
    return make_learner(network, {1, 28, 28}, 10)->layout().parameter_count();
  } catch (const UsageError&) {
    return make_learner(network, {3, 32, 32}, 10)->layout().parameter_count();
  }
}

class Report {
 public:
  void add(const Findings& findings) {
    for (const Finding& finding : findings) {
      const auto verdict = static_cast<std::size_t>(finding.verdict);
      ++counts_[verdict];
      constexpr const char* kWords[] = {"ok", "warning", "error"};
      fmt::print("{:<8} {}: {}{}{}\n", kWords[verdict], finding.subject, finding.text,
                 finding.remedy.empty() ? "" : "; mend: ", finding.remedy);
    }
    std::fflush(stdout);
  }

  int finish() const {
    fmt::print("{} ok, {} warning{}, {} error{}\n", counts_[0], counts_[1],
               counts_[1] == 1 ? "" : "s", counts_[2], counts_[2] == 1 ? "" : "s");
    return counts_[2] == 0 ? 0 : 1;
  }

 private:
  std::size_t counts_[3] = {};
};

int examine(IntendedRun run) {
  if (started_under_mpi())
    throw UsageError("doctor examines one machine and starts MPI itself: call it without mpirun");
  run.network = resolve_network(run.network);
  use_learner(run.learner);
  run.parameters = parameters_of(run.network);
  Report report;
  report.add(examine_variables());
  report.add(examine_arithmetic());
  report.add(examine_room(run));
  report.add(examine_data(run));
  report.add(examine_mpi(run));
  report.add(examine_programs());
  return report.finish();
}

}  // namespace

Findings examine_programs() {
  return {program_finding("ssh", "jobs over several machines", "openssh-client"), aws_finding(),
          plot_finding()};
}

Command doctor_command(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("doctor", "say what is missing, slow or inconsistent on this machine");
  const auto run = std::make_shared<IntendedRun>();
  const auto answers = std::make_shared<bool>(false);
  constexpr std::uint64_t kMostWorkers = 100'000;
  app->add_option("--workers", run->workers,
                  "P, the workers of the planned runs: to check memory, files and processes")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, kMostWorkers).description(""));
  app->add_option(
         "--network", run->network,
         fmt::format("network of the planned runs: to check memory and disk [{}]", run->network))
      ->type_name("NETWORK|FILE");
  app->add_option(
         "--dataset", run->dataset,
         fmt::format("data set of the planned runs, which has to be there [{}]", run->dataset))
      ->type_name("DATASET|DIR");
  app->add_option("--learner", run->learner,
                  "the module that computes [DETOX_LEARNER, else the one that came with detoxml]")
      ->type_name("FILE");
  app->add_option("--data-dir", run->data_dir,
                  "where the data lies [./data, then Debian's package]")
      ->type_name("DIR");
  app->add_option("--train-dir", run->train_dir,
                  fmt::format("where files of the planned runs go [{}]", run->train_dir))
      ->type_name("DIR");
  app->add_flag("--answer-over-mpi", *answers)->group("");
  app->footer(
      "One line a finding: ok, warning (costs speed, bits or a part of the program) or error "
      "(training does not work), with\n"
      "a command that mends it. Exit code 1 where there is an error. Data sets are read whole. "
      "Examples:\n"
      "  detoxml doctor\n"
      "  detoxml doctor --workers 45 --network ResNet18 --dataset Cifar10");
  return {app, [run, answers] { return *answers ? answer_over_mpi() : examine(*run); }};
}

}  // namespace detox
