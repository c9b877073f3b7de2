// `detoxml help`: the help of a command, as its --help prints it.
#include <fmt/format.h>

#include <memory>

#include "base/names.hpp"
#include "cli/command.hpp"
#include "cli/help/command_tree.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

/// The command of these words, one below the other.
const CLI::App& command_of(const CLI::App& program, const std::vector<std::string>& words) {
  const CLI::App* found = &program;
  for (const std::string& word : words) {
    const auto has_name = [&word](const CLI::App* command) { return command->get_name() == word; };
    const auto below = found->get_subcommands(has_name);
    if (below.empty()) {
      const std::vector<std::string> names = command_names(*found);
      throw UsageError(unknown_name("command", word, {names.begin(), names.end()}));
    }
    found = below.front();
  }
  return *found;
}

}  // namespace

Command help_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("help", "print the help of the program or of a command");
  const auto words = std::make_shared<std::vector<std::string>>();
  const auto all = std::make_shared<bool>(false);
  app->add_option("COMMAND", *words, "train, say, or cluster launch")->type_name("COMMAND");
  app->add_flag("--all", *all, "with every option, as --help-all");
  app->footer("Example:\n  detoxml help train");
  return {app, [&program, words, all] {
            const auto mode = *all ? CLI::AppFormatMode::All : CLI::AppFormatMode::Normal;
            std::string path = program.get_name();
            for (std::size_t i = 0; i + 1 < words->size(); ++i) path += " " + (*words)[i];
            // The program's own would be that of the command that was given: of this one.
            fmt::print("{}", words->empty()
                                 ? program.get_formatter()->make_help(&program, path, mode)
                                 : command_of(program, *words).help(path, mode));
            return 0;
          }};
}

}  // namespace detox
