// `detoxml compare`: an experiment from the command line, whose lists of values are its axes.
#include <fmt/format.h>

#include <memory>

#include "cli/command.hpp"
#include "cli/experiment_options.hpp"
#include "cli/train_options.hpp"
#include "detox/errors.hpp"
#include "experiment/sweep.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kCompareSteps = 200;

constexpr const char* kCompareFooter =
    R"(An option of train with more than one value is varied, and every combination is run, with each seed: the table has
their means with their spread. Values are written as detoxml tune has them: multi-krum,bulyan   2^-10..2^-3
none,[nnm,arc] (a value with a comma). What is there in --dir is not run again. A file can say more (detoxml experiment):
named bundles of options, exclusions, other seeds here and there. Examples:
  detoxml compare --mode multi-krum,bulyan --err-mode rev_grad,alie --worker-fail 2 --workers 15 --seeds 3
  detoxml compare --approach baseline,detox --worker-fail 1 --err-mode alie --seeds 3)";

/// Whether a value of this option may hold commas without being two.
bool has_several(const Option& option, const std::string& text) {
  if (option.in_every_trial) return false;
  if (option.takes_list) return text.find('[') != std::string::npos;
  return text.find(',') != std::string::npos ||
         (is_number(option) && text.find("..") != std::string::npos);
}

/// Options that have several values become axes, in the order of train's help; the rest stays.
Experiment experiment_of(GivenOptions& given) {
  Experiment experiment;
  experiment.name = "compare";
  experiment.seeds = standard_seeds(1);
  std::vector<Setting> shared;
  for (const Setting& setting : given.settings) {
    const Option& option = find_option(setting.name);
    if (!has_several(option, setting.text)) {
      shared.push_back(setting);
      continue;
    }
    try {
      const std::string name(varied_option(setting.name).name);
      if (name == "seed") throw UsageError("seeds are replicates; valid: --seeds N");
      Axis axis{name, {}};
      for (const std::string& text : parse_values(option, setting.text))
        axis.values.push_back({text, {{name, text}}});
      experiment.axes.push_back(std::move(axis));
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("--{}: {}", setting.name, error.what()));
    }
  }
  check_axes(experiment.axes);
  given.settings = std::move(shared);
  if (!given.has("max-steps"))
    experiment.train.push_back({"max-steps", std::to_string(kCompareSteps)});
  return experiment;
}

}  // namespace

Command compare_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand(
      "compare", "train each combination of some values of options, and make a table of means");
  const auto options = std::make_shared<ExperimentOptions>();
  app->add_option("--dir", options->dir, "where the runs and results go [output/compare]")
      ->type_name("DIR");
  add_experiment_options(*app, *options);
  const std::shared_ptr<GivenOptions> given = add_train_options(*app);
  adapt_train_help(*app);
  app->get_option("--max-steps")
      ->description(fmt::format("the number of steps to train each run [{}]", kCompareSteps));
  app->footer(kCompareFooter);
  return {app, [options, given] {
            const std::string command = experiment_command_line(*options, *given, "compare");
            GivenOptions shared = *given;
            Experiment experiment = experiment_of(shared);
            return conduct(std::move(experiment), *options, shared, command);
          }};
}

}  // namespace detox
