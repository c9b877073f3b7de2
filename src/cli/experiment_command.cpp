// `detoxml experiment`: the runs of a file, and a table of what they gave.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "base/file.hpp"
#include "base/own_program.hpp"
#include "cli/command.hpp"
#include "cli/experiment_options.hpp"
#include "cli/train_options.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExperimentFooter =
    R"(FILE says what all runs share ([train]), what is varied ([axes]) and with which seeds each combination is run
(docs/experiments.md); a name without a folder is one of the examples that came with this program. Options of train that
are given here hold for all runs. Every run is a detoxml train of its own, in a folder below --dir, under a key of its
configuration, its data and this program: what is there is not run again, and what is half there goes on. So the same
command goes on after Ctrl-C, kill -9 and a crash, and a changed file runs what has changed.

Exit code: 0 all runs have ended (a defence that cannot be had under an attack is a result), 1 a run failed, 130
interrupted. Examples:
  detoxml experiment demo
  detoxml experiment mine.toml --plan
  detoxml experiment mine.toml --only "defence=mean,DETOX + median" --seeds 5
  detoxml experiment mine.toml --hostfile hosts_address)";

/// The file itself, or an example of this name that was installed with the program.
fs::path found(const std::string& given) {
  std::error_code error;
  fs::path file = given;
  if (fs::exists(file, error) || file.has_parent_path()) return file;
  const fs::path examples = fs::path(own_program()).parent_path() / "../share/detoxml/examples";
  fs::path example =
      (examples / (file.extension() == ".toml" ? given : given + ".toml")).lexically_normal();
  if (fs::exists(example, error)) return example;
  throw InputError(
      fmt::format("cannot open {}: it is neither here nor an example in {}; valid: the path of a "
                  "TOML file (docs/experiments.md)",
                  given, example.parent_path().string()));
}

}  // namespace

Command experiment_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand(
      "experiment",
      "train every combination of a file's defences, attacks and seeds, and make a table");
  const auto options = std::make_shared<ExperimentOptions>();
  const auto file = std::make_shared<std::string>();
  app->add_option("file", *file, "what to run (TOML)")->required()->type_name("FILE");
  app->add_option("--dir", options->dir, "where the runs and results go [output/NAME]")
      ->type_name("DIR");
  app->add_option("--only", options->only,
                  "these values of an axis alone; may be given for more than one axis")
      ->type_name("AXIS=VALUES")
      ->expected(1)
      ->take_all();
  add_experiment_options(*app, *options);
  const std::shared_ptr<GivenOptions> given = add_train_options(*app);
  adapt_train_help(*app);
  app->footer(kExperimentFooter);
  return {app, [options, file, given] {
            const fs::path path = found(*file);
            const std::vector<std::byte> bytes = read_file(path);
            return conduct(parse_experiment(text_of(bytes), path), *options, *given,
                           experiment_command_line(*options, *given,
                                                   "experiment " + shell_quoted(path.string())));
          }};
}

}  // namespace detox
