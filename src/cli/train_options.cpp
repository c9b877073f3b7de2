#include "cli/train_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/names.hpp"
#include "cli/help/everyday_options.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

bool is_number(std::string_view word) {
  return word.size() > 1 && word[0] == '-' &&
         (std::isdigit(static_cast<unsigned char>(word[1])) != 0 || word[1] == '.');
}

/// Words that the parser left over, each with its value: behind = or the next word.
std::vector<UnknownWord> unknown_words(const std::vector<std::string>& left) {
  std::vector<UnknownWord> unknown;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const std::size_t sign = left[i].find('=');
    UnknownWord found{left[i].substr(0, sign), {}};
    if (sign != std::string::npos) {
      found.value = left[i].substr(sign + 1);
    } else if (found.word.starts_with('-') && i + 1 < left.size() &&
               (!left[i + 1].starts_with('-') || is_number(left[i + 1]))) {
      found.value = left[++i];
    }
    unknown.push_back(std::move(found));
  }
  return unknown;
}

/// What is an option but for case and dashes, --batch_size say, is taken for it.
void take_other_spellings(GivenOptions& given) {
  std::erase_if(given.unknown, [&given](const UnknownWord& unknown) {
    const std::string name = canonical_name(unknown.word);
    for (const Option& option : train_options()) {
      if (!unknown.word.starts_with("--") || canonical_name(option.name) != name) continue;
      const bool bare = unknown.value.empty() && is_switch(option);
      given.settings.push_back({std::string(option.name), bare ? "on" : unknown.value});
      return true;
    }
    return false;
  });
}

std::string help_text(const Option& option) {
  static const RunConfig kDefaults;
  return fmt::format("{} [{}]", option.help, option_text(option, kDefaults));
}

}  // namespace

std::shared_ptr<GivenOptions> add_train_options(CLI::App& command) {
  auto given = std::make_shared<GivenOptions>();
  // Words that are no options are told of with all the other mistakes.
  command.allow_extras();
  command.callback([given, &command] {
    given->unknown = unknown_words(command.remaining());
    take_other_spellings(*given);
  });
  show_everyday_options(command);
  command
      .add_option("--config", given->config_files,
                  "a TOML file of options (name = value); may be given more than once, later files "
                  "win over earlier ones, the command line over all")
      ->type_name("FILE")
      ->expected(1)
      ->take_all();
  for (const Option& option : train_options()) {
    const bool may_be_bare = is_switch(option);
    const auto add = [&](std::string_view name, std::string_view group, std::string help) {
      auto* added = command.add_option_function<std::string>(
          fmt::format("--{}", name),
          [given, name, may_be_bare, canonical = option.name](const std::string& text) {
            const bool bare = may_be_bare && text.empty();  // --nesterov, without a value
            given->settings.push_back({std::string(canonical), bare ? "on" : text,
                                       std::string(name == canonical ? "" : name)});
          },
          std::move(help));
      added->group(std::string(group))->type_name(value_form(option))->take_last();
      if (may_be_bare) added->expected(0, 1);
    };
    add(option.name, option.group, help_text(option));
    if (!option.alias.empty()) add(option.alias, "", "");
  }
  return given;
}

}  // namespace detox
