// One subcommand of the program.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace detox {

/// What CLI11 parses into and what runs afterwards. `run` returns the exit code; it may throw
/// detox::Error.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

Command aggregate_command(CLI::App& program);
Command cluster_command(CLI::App& program);
Command compare_command(CLI::App& program);
Command completion_command(CLI::App& program);
Command data_command(CLI::App& program);
Command doctor_command(CLI::App& program);
Command evaluate_command(CLI::App& program);
Command experiment_command(CLI::App& program);
Command export_command(CLI::App& program);
Command help_command(CLI::App& program);
Command host_report_command(CLI::App& program);
Command launch_command(CLI::App& program);
Command list_command(CLI::App& program);
Command man_command(CLI::App& program);
Command report_command(CLI::App& program);
Command train_command(CLI::App& program);
Command tune_command(CLI::App& program);
Command verify_command(CLI::App& program);
Command watch_command(CLI::App& program);

}  // namespace detox
