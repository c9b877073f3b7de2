#include <fmt/format.h>

#include "base/own_program.hpp"
#include "cli/help/completion.hpp"

namespace detox {
namespace {

// What stays the same whatever the options are. Behind -- there is a command line of train, which
// is completed as if it stood alone.
constexpr const char* kZshFunctions = R"(
_detoxml_or_files() {
  local kind=$1 expl ret=1
  shift
  _wanted words expl word compadd -- "$@" && ret=0
  _files ${kind:+$kind} && ret=0
  return ret
}

# Whether the current word is behind --; then completes it.
_detoxml_passed_on() {
  local at=${words[(I)--]}
  (( at && CURRENT > at )) || return 1
  words=(detoxml "${(@)words[at+1,-1]}")
  (( CURRENT -= at - 1 ))
  if (( CURRENT == 2 )); then
    compadd train
  else
    shift words
    (( CURRENT -= 1 ))
    _detoxml_train
  fi
  return 0
}
)";

std::string zsh_escaped(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') {
      result += ' ';
      continue;
    }
    if (c == '\\' || special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

/// A shell word in quotes, whatever it holds.
std::string zsh_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// Behind the colon of a specification of _arguments. A space in front: what follows is called as
/// it is.
std::string zsh_action(const OptionEntry& option) {
  const ValueChoice& choice = option.choice;
  std::string words;
  for (const std::string& word : choice.words) words += " " + zsh_escaped(word, ":() ");
  if (choice.files) return words.empty() ? "_files" : " _detoxml_or_files ''" + words;
  if (choice.directories) return words.empty() ? "_files -/" : " _detoxml_or_files -/" + words;
  if (choice.joined) return " _sequence compadd -" + words;
  return words.empty() ? " " : "(" + words.substr(1) + ")";
}

std::string zsh_option(const OptionEntry& option) {
  std::string value;
  if (option.takes == OptionEntry::Takes::kValue) {
    value = ":" + zsh_escaped(option.value.empty() ? "value" : option.value, ":") + ":" +
            zsh_action(option);
  }
  std::string excluded, names;
  for (const std::string& name : option.names) {
    excluded += (excluded.empty() ? "" : " ") + name;
    std::string with_value = name;
    if (option.takes == OptionEntry::Takes::kValue)
      with_value += name.starts_with("--") ? "=" : "+";
    names += (names.empty() ? "" : ",") + with_value;
  }
  const std::string help = zsh_quoted("[" + zsh_escaped(option.help, "[]:") + "]" + value);
  const std::string first = option.repeated ? "'*'" : zsh_quoted("(" + excluded + ")");
  if (option.names.size() == 1) return first + names + help;
  return first + "{" + names + "}" + help;
}

std::string zsh_positional(const OptionEntry& positional, std::size_t place) {
  const std::string where = positional.repeated ? "*" : fmt::format("{}", place + 1);
  return zsh_quoted(fmt::format("{}:{}:{}", where, zsh_escaped(positional.names.front(), ":"),
                                zsh_action(positional)));
}

std::string zsh_function_name(const CommandEntry& command) {
  return command.path.empty() ? "_detoxml"
                              : fmt::format("_detoxml_{}", fmt::join(command.path, "_"));
}

std::string zsh_function(const CommandEntry& command) {
  std::string text = fmt::format("\n{}() {{\n", zsh_function_name(command));
  if (command.passes_on()) text += "  _detoxml_passed_on && return\n";
  if (!command.commands.empty()) text += "  local state line ret=1\n";
  text += command.commands.empty() ? "  _arguments -s -S" : "  _arguments -C";
  for (const OptionEntry& option : command.options) text += " \\\n    " + zsh_option(option);
  if (command.commands.empty()) {
    for (std::size_t place = 0; place < command.positionals.size(); ++place)
      text += " \\\n    " + zsh_positional(command.positionals[place], place);
    return text + "\n}\n";
  }
  text +=
      " \\\n    '1:command:->command' '*::argument:->argument' && ret=0\n  case $state in\n    "
      "command)\n";
  text += "      local -a commands=(";
  for (const CommandEntry& below : command.commands) {
    const std::string summary = below.summary.substr(0, below.summary.find('\n'));
    text += "\n        " + zsh_quoted(zsh_escaped(below.path.back(), ":") + ":" + summary);
  }
  text +=
      ")\n      _describe command commands && ret=0 ;;\n    argument)\n      case $line[1] in\n";
  for (const CommandEntry& below : command.commands)
    text +=
        fmt::format("        {}) {} && ret=0 ;;\n", below.path.back(), zsh_function_name(below));
  return text + "      esac ;;\n  esac\n  return ret\n}\n";
}

void add_zsh_functions(const CommandEntry& command, std::string& text) {
  for (const CommandEntry& below : command.commands) add_zsh_functions(below, text);
  text += zsh_function(command);
}

}  // namespace

std::string zsh_completion(const CommandEntry& program) {
  std::string text =
      "#compdef detoxml\n# zsh completion for detoxml, made by `detoxml completion zsh`.\n";
  text += kZshFunctions;
  add_zsh_functions(program, text);
  // Autoloaded from fpath the file is the function's body; sourced it has to register itself.
  return text +
         "\nif [[ $funcstack[1] == _detoxml ]]; then\n  _detoxml \"$@\"\nelse\n  compdef _detoxml "
         "detoxml\nfi\n";
}

}  // namespace detox
