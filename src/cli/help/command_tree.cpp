#include "cli/help/command_tree.hpp"

#include <algorithm>
#include <cctype>

namespace detox {
namespace {

bool is_shown(const CLI::App* command) { return !command->get_group().empty(); }

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_literal(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '+';
  });
}

bool is_in_capitals(std::string_view word) {
  return std::all_of(word.begin(), word.end(),
                     [](unsigned char c) { return std::islower(c) == 0 && std::isdigit(c) == 0; });
}

void add_alternative(std::string_view word, const NamesOf& names, ValueChoice& choice) {
  if (word.starts_with('{') && word.ends_with('}')) {
    for (const std::string_view literal : parts_of(word.substr(1, word.size() - 2), ','))
      choice.words.emplace_back(literal);
    return;
  }
  if (!is_literal(word)) return;
  if (word == "FILE" || word.starts_with("FILE.")) {
    choice.files = true;
  } else if (word == "DIR") {
    choice.directories = true;
  } else if (is_in_capitals(word)) {
    const std::vector<std::string> named = names(word);
    choice.words.insert(choice.words.end(), named.begin(), named.end());
    choice.joined = choice.joined || word == "STEPS";
  } else {
    choice.words.emplace_back(word);
  }
}

OptionEntry entry_of(const CLI::Option& option, const NamesOf& names) {
  OptionEntry entry;
  if (option.nonpositional()) {
    for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
    for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
  } else {
    entry.names.push_back(option.get_name(true));
  }
  if (option.get_items_expected_max() == 0) {
    entry.takes = OptionEntry::Takes::kNothing;
  } else if (option.get_items_expected_min() == 0 && option.nonpositional()) {
    entry.takes = OptionEntry::Takes::kPerhaps;
  }
  if (entry.takes != OptionEntry::Takes::kNothing) {
    const std::string type = option.get_type_name();
    entry.choice = value_choice(type, names);
    if (type.find_first_of(" :") == std::string::npos) entry.value = type;
    entry.standard = option.get_default_str();
  }
  entry.help = option.get_description();
  entry.group = option.get_group();
  entry.required = option.get_required();
  entry.repeated = option.get_expected_max() > 1 ||
                   option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  return entry;
}

CommandEntry entry_of(const CLI::App& app, const std::vector<std::string>& path,
                      const NamesOf& names) {
  CommandEntry entry;
  entry.path = path;
  entry.summary = app.get_description();
  entry.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    (option->nonpositional() ? entry.options : entry.positionals)
        .push_back(entry_of(*option, names));
  }
  for (const CLI::App* command : app.get_subcommands(is_shown)) {
    std::vector<std::string> below = path;
    below.push_back(command->get_name());
    entry.commands.push_back(entry_of(*command, below, names));
  }
  return entry;
}

}  // namespace

ValueChoice value_choice(std::string_view type_name, const NamesOf& names) {
  ValueChoice choice;
  for (const std::string_view said : parts_of(type_name, ':')) {
    for (const std::string_view word : parts_of(said, '|')) add_alternative(word, names, choice);
  }
  return choice;
}

bool CommandEntry::passes_on() const {
  return std::any_of(positionals.begin(), positionals.end(), [](const OptionEntry& positional) {
    return positional.repeated && positional.choice.words == std::vector<std::string>{"train"};
  });
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(is_shown))
    names.push_back(command->get_name());
  return names;
}

CommandEntry command_tree(const CLI::App& program, const NamesOf& names) {
  return entry_of(program, {}, names);
}

}  // namespace detox
