// The process edge: pins the numerics, parses the command line, and turns errors into one line and
// an exit code.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/as_error.hpp"
#include "base/home_folder.hpp"
#include "base/mistakes.hpp"
#include "base/names.hpp"
#include "base/signals.hpp"
#include "cli/command.hpp"
#include "cli/help/command_tree.hpp"
#include "cli/help/terminal_help.hpp"
#include "cli/version.hpp"
#include "comm/mpi_job.hpp"
#include "config/foreign_options.hpp"
#include "host/numerics.hpp"
#include "launch/supervise.hpp"

namespace detox {
namespace {

/// Under mpirun all processes read the same command line: one of them complaining about it is
/// enough.
bool is_spokesman() {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  return rank == nullptr || std::string_view(rank) == "0";
}

/// The run's exit code where a launcher reads it from a file: then mpirun has nothing to complain
/// about.
int end_with(int exit_code) {
  if (!under_launcher() || !is_spokesman()) return exit_code;
  return leave_result(exit_code) ? 0 : exit_code;
}

/// A usage error is every rank's, so rank 0 tells it for all, and the others go quietly. Several
/// mistakes are a line each.
int fail(std::string_view message, int exit_code) {
  constexpr int kUsage = 2;
  if (is_spokesman()) {
    for (std::size_t begin = 0; begin <= message.size();) {
      const std::size_t end = std::min(message.find('\n', begin), message.size());
      fmt::print(stderr, "detoxml: {}\n", message.substr(begin, end - begin));
      begin = end + 1;
    }
  } else if (exit_code == kUsage) {
    return under_launcher() ? 0 : exit_code;
  } else {
    fmt::print(stderr, "detoxml: rank {}: {}\n", std::getenv("OMPI_COMM_WORLD_RANK"), message);
  }
  return end_with(exit_code);
}

std::vector<std::string_view> option_names(const CLI::App& app) {
  static std::vector<std::string> names;
  names.clear();
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_lnames().empty()) names.push_back("--" + option->get_lnames().front());
  }
  return {names.begin(), names.end()};
}

/// The command that was called, and its name with a space behind each word.
std::pair<const CLI::App*, std::string> called_command(const CLI::App& program) {
  const CLI::App* called = &program;
  std::string name;
  while (!called->get_subcommands().empty()) {
    called = called->get_subcommands().front();
    name += called->get_name() + " ";
  }
  return {called, name};
}

std::string usage_message(const CLI::App& program, const CLI::ParseError& error) {
  const auto [called, name] = called_command(program);
  const CLI::App& app = *called;
  const std::vector<std::string> extras = app.remaining(true);
  const std::string first = extras.empty() ? "" : extras.front();
  const std::string option = first.substr(0, first.find('='));
  // A word where a command is asked for is no option.
  const std::vector<std::string> commands = command_names(app);
  if (!commands.empty() && !option.empty() && option[0] != '-') {
    return unknown_name(name + "command", option, {commands.begin(), commands.end()});
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const NamesOf no_names = [](std::string_view) { return std::vector<std::string>(); };
    if (command_tree(app, no_names).passes_on() &&
        program.get_subcommand("train")->get_option_no_throw(option)) {
      return fmt::format(
          "{} is an option of train, which comes after --: detoxml {}... -- train {} ...", option,
          name, option);
    }
    const ForeignOption* foreign = find_foreign_option(option);
    if (foreign != nullptr && !foreign->needless_values.empty()) {
      return fmt::format("no option {}: {}", option, foreign->answer);
    }
    if (!option.starts_with('-')) {
      return fmt::format("'{}' is no option, and no value of one; see detoxml {}--help",
                         printable(option), name);
    }
    return unknown_name(fmt::format("option of '{}'", name.substr(0, name.size() - 1)), option,
                        option_names(app));
  }
  return fmt::format("{}; see detoxml {}--help", error.what(), name);
}

/// A first word that is no command, in a message; empty where there is none.
std::string unknown_command(const CLI::App& program, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return {};
  const auto is_given = [argv](const CLI::App* command) { return command->get_name() == argv[1]; };
  if (!program.get_subcommands(is_given).empty()) return {};
  const std::vector<std::string> names = command_names(program);
  return unknown_name("command", argv[1], {names.begin(), names.end()});
}

/// "~/x" is in the home directory, also behind a "=", where no shell looks.
void take_home_paths(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    const ValueChoice choice =
        value_choice(option->get_type_name(), [](auto) { return std::vector<std::string>(); });
    // One of cluster copy's two is there, and not here.
    const bool may_be_there = option->get_positional() && app.get_name() == "copy";
    if ((choice.files || choice.directories) && !may_be_there)
      option->transform([](const std::string& path) { return with_home(path); });
  }
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    take_home_paths(*command);
}

using Words = std::vector<char*>;

/// Where another command's line begins, or the end.
Words::iterator own_end(Words& words) { return std::ranges::find(words, std::string_view("--")); }

/// Takes out options with = and nothing behind it, as a script with an empty variable writes them:
/// the parser would take the next word for the value.
void take_without_value(Words& words, Mistakes& mistakes) {
  const auto has_none = [&mistakes](const char* written) {
    const std::string_view word = written;
    if (!word.starts_with("--") || word.find('=') + 1 != word.size()) return false;
    mistakes.add(
        fmt::format("{} has no value, perhaps because a variable is empty; write {}VALUE, or "
                    "leave it out",
                    word, word));
    return true;
  };
  words.erase(std::remove_if(words.begin() + 1, own_end(words), has_none), own_end(words));
}

/// The option that the parser does not take, or whose value it does not take, under each of its
/// names; else empty.
std::vector<std::string> refused_option(const CLI::App& program, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::vector<std::string> extras = program.remaining(true);
    if (extras.empty() || !extras.front().starts_with('-')) return {};
    return {extras.front().substr(0, extras.front().find('='))};
  }
  const bool is_about_a_value = dynamic_cast<const CLI::ValidationError*>(&error) != nullptr ||
                                dynamic_cast<const CLI::ConversionError*>(&error) != nullptr;
  if (!is_about_a_value) return {};
  constexpr std::string_view kNoConversion = "Could not convert: ";
  std::string_view text = error.what();
  if (text.starts_with(kNoConversion)) text.remove_prefix(kNoConversion.size());
  std::vector<std::string> names = {std::string(text.substr(0, text.find_first_of(": ")))};
  const CLI::Option* option = called_command(program).first->get_option_no_throw(names.front());
  if (option == nullptr) return {};
  for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  return names;
}

/// Takes the option out, and the value behind it; false where it is not there.
bool take_out(const std::vector<std::string>& names, Words& words) {
  const auto is_it = [&names](std::string_view word) {
    return std::ranges::find(names, word.substr(0, word.find('='))) != names.end();
  };
  const auto found = std::find_if(words.begin() + 1, own_end(words), is_it);
  if (found == own_end(words)) return false;
  const bool has_value = std::string_view(*found).find('=') == std::string_view::npos &&
                         found + 1 != own_end(words) && **(found + 1) != '-';
  words.erase(found, found + (has_value ? 2 : 1));
  return true;
}

/// What the parser refuses, and what else it would refuse without that.
void tell_other_mistakes(CLI::App& program, std::vector<std::string> refused, Words words,
                         Mistakes& mistakes) {
  while (take_out(refused, words)) {
    try {
      program.parse(static_cast<int>(words.size()), words.data());
      return;
    } catch (const CLI::ParseError& error) {
      refused = refused_option(program, error);
      if (!refused.empty()) mistakes.add(usage_message(program, error));
    }
  }
}

int run(int argc, char** argv) {
  CLI::App program("DETOX: trains neural networks while some of the machines lie", "detoxml");
  program.set_version_flag("--version", version_text,
                           "Versions of this program and its libraries, and instruction sets");
  program.require_subcommand(1);
  program.formatter(std::make_shared<TerminalHelp>());
  program.footer("Each command's options and defaults: detoxml help <command>");
  const std::vector<Command> commands = {
      train_command(program),      evaluate_command(program), aggregate_command(program),
      data_command(program),       launch_command(program),   experiment_command(program),
      compare_command(program),    tune_command(program),     verify_command(program),
      report_command(program),     watch_command(program),    export_command(program),
      list_command(program),       doctor_command(program),   cluster_command(program),
      completion_command(program), man_command(program),      help_command(program),
      host_report_command(program)};
  take_home_paths(program);
  const std::string unknown = unknown_command(program, argc, argv);
  if (!unknown.empty()) return fail(unknown, 2);
  Words words(argv, argv + argc);
  Mistakes mistakes;
  take_without_value(words, mistakes);
  try {
    program.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::Success& success) {
    if (mistakes.text().empty()) return is_spokesman() ? end_with(program.exit(success)) : 0;
  } catch (const CLI::ParseError& error) {
    mistakes.add(usage_message(program, error));
    tell_other_mistakes(program, refused_option(program, error), words, mistakes);
  }
  if (const std::string all = mistakes.text(); !all.empty()) return fail(all, 2);
  for (const Command& command : commands) {
    if (command.app->parsed()) return end_with(command.run());
  }
  return 2;
}

/// Commands that say something and do nothing else end with whoever reads it, as other programs do.
bool only_tells(int argc, char** argv) {
  static constexpr std::array<std::string_view, 10> kTelling = {
      "list",      "help",   "man",    "completion", "evaluate",
      "aggregate", "verify", "export", "--help",     "--version"};
  return argc > 1 && std::ranges::find(kTelling, std::string_view(argv[1])) != kTelling.end();
}

bool is_reader_gone() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

int run_to_the_end(int argc, char** argv) {
  try {
    // Whoever examines a machine is told of a wrong profile among the rest.
    const bool examines = argc > 1 && std::string_view(argv[1]) == "doctor";
    if (examines) {
      pin_numerics_whatever();
    } else {
      pin_numerics();
    }
    report_failed_writes_as_errors();
    if (only_tells(argc, argv)) end_with_the_reader();
    if (under_launcher() && is_spokesman()) stand_as_server();
    return run(argc, argv);
  } catch (const std::exception& thrown) {
    const Error error = as_error(thrown);
    return fail(error.what(), error.exit_code());
  }
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  int exit_code = detox::run_to_the_end(argc, argv);
  const bool is_lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  // Whoever closes the pipe wants no more of it.
  if (is_lost && exit_code == 0 && !detox::is_reader_gone()) {
    fmt::print(stderr, "detoxml: not all of the output could be written\n");
    exit_code = 1;
  }
  detox::mpi_exits_with(exit_code);
  return exit_code;
}
