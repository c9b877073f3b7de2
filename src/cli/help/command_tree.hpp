// The program's commands and options as its parser knows them, for what is made from that:
// completion and manual pages. So neither lists an option by itself, and neither is ever out of
// date.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// What can be written where a value is asked for.
struct ValueChoice {
  std::vector<std::string> words;
  bool files = false;
  bool directories = false;
  bool joined = false;  ///< several words may be joined by commas

  bool is_free() const { return words.empty() && !files && !directories; }
};

/// The names behind a word in capitals, such as NETWORK; empty for one that stands for no list.
using NamesOf = std::function<std::vector<std::string>(std::string_view word)>;

/// What a type name says: alternatives between bars, of which FILE (also FILE.png) and DIR are
/// paths, other words in capitals are lists of names, and the rest stands for itself:
/// "digest|bytes", "NETWORK|FILE". STEPS may be joined by commas. CLI11's own "{a,b}" and
/// "TEXT:FILE" are understood as well.
ValueChoice value_choice(std::string_view type_name, const NamesOf& names);

struct OptionEntry {
  enum class Takes { kNothing, kPerhaps, kValue };
  std::vector<std::string> names;  ///< "--mode", "-o"; of a positional its one name
  Takes takes = Takes::kValue;
  std::string value;  ///< as the help shows it; may be empty
  ValueChoice choice;
  std::string help;      ///< with the default where the help has one
  std::string standard;  ///< a default that is not part of `help`
  std::string group;
  bool required = false;
  bool repeated = false;
};

struct CommandEntry {
  std::vector<std::string> path;  ///< without the program's name
  std::string summary, footer;
  std::vector<OptionEntry> options, positionals;
  std::vector<CommandEntry> commands;

  /// Whether a command line of train may follow behind --: a positional of many words with the type
  /// name "train".
  bool passes_on() const;
};

/// The commands right below this one that --help names.
std::vector<std::string> command_names(const CLI::App& app);

/// Everything that is not hidden, in the order of the help. Call it once all commands are there.
CommandEntry command_tree(const CLI::App& program, const NamesOf& names);

}  // namespace detox
