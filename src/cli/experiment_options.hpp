// What `detoxml experiment` and `detoxml compare` have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/run_places.hpp"
#include "config/given_options.hpp"
#include "experiment/experiment_file.hpp"

namespace detox {

struct ExperimentOptions {
  PlaceOptions places;
  std::string dir;  ///< empty: below output, by the experiment's name
  bool plan = false;
  std::uint64_t seeds = 0;  ///< 0: those of the file
  std::vector<std::string> only;
};

void add_experiment_options(CLI::App& command, ExperimentOptions& options);

/// The options of this machine and of hosts, which `detoxml tune` has as well.
void add_place_options(CLI::App& command, PlaceOptions& options);

/// Help of options of train that are others here.
void adapt_train_help(CLI::App& command);

/// The command that makes the same results, wherever and however many at a time: for people, and
/// the same bytes each time. `begin`: its first words.
std::string experiment_command_line(const ExperimentOptions& options, const GivenOptions& given,
                                    const std::string& begin);

/// Carries the experiment out, or shows what would be done. The exit code.
int conduct(Experiment experiment, const ExperimentOptions& options, const GivenOptions& given,
            const std::string& command);

}  // namespace detox
