// `detoxml completion` and `detoxml man`: what shells and man read, from the commands and options
// that are there.
#include <fmt/format.h>

#include <memory>

#include "base/atomic_file.hpp"
#include "base/dataset.hpp"
#include "base/learner.hpp"
#include "cli/command.hpp"
#include "cli/help/completion.hpp"
#include "cli/help/manual_page.hpp"
#include "detox/aggregator.hpp"
#include "detox/errors.hpp"
#include "stages/attack/attack.hpp"

namespace detox {
namespace {

template <class Registry>
std::vector<std::string> all_names(const Registry& registry) {
  std::vector<std::string> names;
  for (const auto& info : registry) names.emplace_back(info.name);
  return names;
}

NamesOf names_of(const CLI::App& program) {
  return [&program](std::string_view word) -> std::vector<std::string> {
    if (word == "COMMAND") return command_names(program);
    if (word == "NETWORK") return all_names(networks());
    if (word == "DATASET") return all_names(datasets());
    if (word == "RULE") return all_names(rules());
    if (word == "ATTACK") return all_names(attacks());
    if (word == "STEPS") return all_names(pre_aggregators());
    return {};
  };
}

int print_completion(const CLI::App& program, const std::string& shell) {
  const CommandEntry tree = command_tree(program, names_of(program));
  fmt::print("{}", shell == "bash" ? bash_completion(tree) : zsh_completion(tree));
  return 0;
}

int print_or_write_pages(const CLI::App& program, const std::string& command,
                         const std::string& directory) {
  const auto pages = manual_pages(command_tree(program, names_of(program)), DETOX_VERSION);
  if (!directory.empty()) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) throw InputError(fmt::format("cannot make {}: {}", directory, error.message()));
    for (const auto& [name, page] : pages)
      write_atomically(std::filesystem::path(directory) / name, page);
    return 0;
  }
  const auto page =
      pages.find(command.empty() ? "detoxml.1" : fmt::format("detoxml-{}.1", command));
  if (page == pages.end())
    throw UsageError(fmt::format("no command '{}': detoxml --help names them", command));
  fmt::print("{}", page->second);
  return 0;
}

}  // namespace

Command completion_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("completion", "print a completion script for a shell");
  const auto shell = std::make_shared<std::string>();
  app->add_option("SHELL", *shell, "bash or zsh")
      ->required()
      ->type_name("bash|zsh")
      ->check(CLI::IsMember({"bash", "zsh"}).description(""));
  app->footer(
      "An installed program is completed without this. Examples:\n"
      "  source <(detoxml completion bash)\n"
      "  detoxml completion bash > ~/.local/share/bash-completion/completions/detoxml\n"
      "  detoxml completion zsh > \"${fpath[1]}/_detoxml\"");
  return {app, [&program, shell] { return print_completion(program, *shell); }};
}

Command man_command(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("man", "print the manual page of the program or of a command");
  const auto command = std::make_shared<std::string>();
  const auto directory = std::make_shared<std::string>();
  app->add_option("COMMAND", *command, "train, say; without it the program's own page")
      ->type_name("COMMAND");
  app->add_option("--output-dir", *directory, "write all pages into this directory instead")
      ->type_name("DIR");
  app->footer(
      "An installed program's pages are there for man: man detoxml-train. Examples:\n"
      "  detoxml man train | man -l -\n"
      "  detoxml man --output-dir .");
  return {app, [&program, command, directory] {
            return print_or_write_pages(program, *command, *directory);
          }};
}

}  // namespace detox
