#include <fmt/format.h>

#include <map>

#include "base/own_program.hpp"
#include "cli/help/completion.hpp"

namespace detox {
namespace {

// What stays the same whatever the options are. _detoxml_command says what a command has,
// _detoxml_value what an option of it takes.
constexpr const char* kBashFunctions = R"(
# Takes the words before the current one, and leaves in `at` the command that they name, in `option` the option
# whose value comes next, and in `place` how many other words there were.
_detoxml_walk() {
  local word commands options
  at='' option='' place=0
  for word; do
    if [[ $option ]]; then option=''; continue; fi
    case $word in
      --) if [[ $at ]] && _detoxml_passes_on "$at"; then at='--' place=0; fi ;;
      --*=*) ;;
      -*) if [[ $(_detoxml_takes "$at" "$word") == value ]]; then option=$word; fi ;;
      *)
        _detoxml_command "$at"
        if [[ " $commands " == *" $word "* ]]; then
          if [[ $at == -- || ! $at ]]; then at=$word; else at+=" $word"; fi
          place=0
        else
          place=$((place + 1))
        fi
        ;;
    esac
  done
}

_detoxml_takes() {
  local takes='' words files directories joined
  _detoxml_value "$1" "$2"
  printf '%s' "$takes"
}

_detoxml_add_words() {
  local word prefix=''
  if [[ $2 && $1 == *,* ]]; then prefix=${1%,*},; fi
  for word in $3; do
    if [[ ${prefix,,}${word,,} == "${1,,}"* ]]; then COMPREPLY+=("$prefix$word"); fi
  done
}

_detoxml_add_values() {
  local takes='' words='' files='' directories='' joined='' found
  _detoxml_value "$1" "$2"
  _detoxml_add_words "$3" "$joined" "$words"
  if [[ $files$directories ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r found; do COMPREPLY+=("$found"); done < <(
      if [[ $files ]]; then compgen -f -- "$3"; else compgen -d -- "$3"; fi
    )
  fi
}

_detoxml() {
  local words=() word i at option place commands='' options=''
  # The words of the line, whether or not bash splits them at =.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((${#words[@]})) && [[ $word == = || ${words[-1]} == --*= ]]; then words[-1]+=$word; else words+=("$word"); fi
  done
  local current=${words[-1]}
  COMPREPLY=()
  _detoxml_walk "${words[@]:0:${#words[@]}-1}"
  _detoxml_command "$at"
  if [[ $option ]]; then
    _detoxml_add_values "$at" "$option" "$current"
  elif [[ $current == --*=* ]]; then
    _detoxml_add_values "$at" "${current%%=*}" "${current#*=}"
    if [[ $COMP_WORDBREAKS != *=* ]]; then COMPREPLY=("${COMPREPLY[@]/#/${current%%=*}=}"); fi
  elif [[ $current == -* ]]; then
    _detoxml_add_words "$current" '' "$options"
  else
    _detoxml_add_words "$current" '' "$commands"
    _detoxml_add_values "$at" "$place" "$current"
  fi
}
complete -F _detoxml detoxml
)";

std::string bash_command_line(const CommandEntry& command) {
  std::vector<std::string> commands, options;
  for (const CommandEntry& below : command.commands) commands.push_back(below.path.back());
  for (const OptionEntry& option : command.options)
    options.insert(options.end(), option.names.begin(), option.names.end());
  return fmt::format("    {}) commands={} options={} ;;\n",
                     shell_line({fmt::format("{}", fmt::join(command.path, " "))}),
                     shell_line({fmt::format("{}", fmt::join(commands, " "))}),
                     shell_line({fmt::format("{}", fmt::join(options, " "))}));
}

std::string bash_choice(const OptionEntry& option) {
  std::string text;
  if (option.takes == OptionEntry::Takes::kValue) text += " takes=value";
  if (!option.choice.words.empty())
    text += " words=" + shell_line({fmt::format("{}", fmt::join(option.choice.words, " "))});
  if (option.choice.files) text += " files=yes";
  if (option.choice.directories) text += " directories=yes";
  if (option.choice.joined) text += " joined=yes";
  return text;
}

/// What options take, and below it which options of which commands take that.
using ByChoice = std::map<std::string, std::vector<std::string>>;

void collect(const CommandEntry& command, std::string& commands, ByChoice& choices,
             std::vector<std::string>& passing_on) {
  const std::string at = fmt::format("{}", fmt::join(command.path, " "));
  commands += bash_command_line(command);
  if (command.passes_on()) passing_on.push_back(shell_line({at}));
  for (const OptionEntry& option : command.options) {
    const std::string choice = bash_choice(option);
    if (choice.empty()) continue;
    for (const std::string& name : option.names)
      choices[choice].push_back(shell_line({fmt::format("{}:{}", at, name)}));
  }
  for (std::size_t place = 0; place < command.positionals.size(); ++place) {
    const OptionEntry& positional = command.positionals[place];
    if (positional.choice.is_free()) continue;
    const std::string name = shell_line({fmt::format("{}:", at)});
    choices[bash_choice(positional)].push_back(
        fmt::format("{}{}", name, positional.repeated ? "[0-9]*" : fmt::format("{}", place)));
  }
  for (const CommandEntry& below : command.commands) collect(below, commands, choices, passing_on);
}

}  // namespace

std::string bash_completion(const CommandEntry& program) {
  std::string commands;
  ByChoice choices;
  std::vector<std::string> passing_on;
  collect(program, commands, choices, passing_on);
  std::string text = "# bash completion for detoxml, made by `detoxml completion bash`.\n";
  text += "\n_detoxml_command() {\n  commands='' options=''\n  case $1 in\n" + commands;
  // Behind -- there is a command line of train.
  text += "    --) commands=train ;;\n  esac\n}\n";
  text += "\n_detoxml_value() {\n  case $1:$2 in\n";
  for (const auto& [choice, options] : choices)
    text += fmt::format("    {})\n     {} ;;\n", fmt::join(options, " | "), choice);
  text += "  esac\n}\n";
  if (passing_on.empty()) passing_on.emplace_back("''");
  text += fmt::format(
      "\n_detoxml_passes_on() {{\n  case $1 in\n    {}) return 0 ;;\n  esac\n  return 1\n}}\n",
      fmt::join(passing_on, " | "));
  return text + kBashFunctions;
}

}  // namespace detox
