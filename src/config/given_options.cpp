#include "config/given_options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.hpp"
#include "base/mistakes.hpp"
#include "base/names.hpp"
#include "base/words.hpp"
#include "config/foreign_options.hpp"
#include "config/foreign_values.hpp"
#include "config/plan.hpp"
#include "detox/errors.hpp"
#include "stages/attack/attack.hpp"

namespace detox {
namespace {

std::string read_text(const std::filesystem::path& file) {
  return std::string(text_of(read_file(file)));
}

void apply(const std::vector<Setting>& settings, std::string_view origin, RunConfig& config,
           Mistakes& mistakes) {
  for (const Setting& setting : settings) {
    try {
      apply_setting(setting, config);
    } catch (const UsageError& error) {
      mistakes.add(origin.empty() ? error.what() : fmt::format("{}: {}", origin, error.what()));
    }
  }
}

/// One attack has two names, and one number of buckets, too: not both with other values.
void check_spellings(const std::vector<Setting>& settings, std::string_view origin,
                     Mistakes& mistakes) {
  const std::string where = origin.empty() ? "" : fmt::format("{}: ", origin);
  const Setting* attack = last_setting(settings, "err-mode");
  const Setting* lis = last_setting(settings, "lis-simulation");
  const std::string_view alie = lis_simulation_attack().name;
  const std::string_view off = word_of(LisSimulation::kNone);
  if (attack != nullptr && lis != nullptr && canonical_name(attack->text) == canonical_name(alie) &&
      canonical_name(lis->text) == off) {
    mistakes.add(fmt::format("{}--err-mode {} is --lis-simulation {}, and --lis-simulation is {}",
                             where, alie, word_of(LisSimulation::kSimulate), off));
  }
  const Setting* buckets = nullptr;
  for (const Setting& setting : settings) {
    if (setting.name != "buckets") continue;
    if (buckets != nullptr && buckets->written != setting.written &&
        buckets->text != setting.text) {
      mistakes.add(fmt::format("{}--buckets and --bucket-size are one option, given as {} and {}",
                               where, buckets->text, setting.text));
    }
    buckets = &setting;
  }
}

std::string name_in(const std::string& word) {
  return word.substr(std::min(word.find_first_not_of('-'), word.size()));
}

/// What is no option here: taken with a remark, or a mistake.
void read_unknown(const GivenOptions& given, RunConfig& config, Mistakes& mistakes) {
  for (const UnknownWord& unknown : given.unknown) {
    const std::string name = name_in(unknown.word);
    const ForeignOption* foreign = find_foreign_option(name);
    if (!unknown.word.starts_with('-') || name.empty()) {
      mistakes.add(fmt::format("'{}' is no option, and no value of one", printable(unknown.word)));
    } else if (foreign != nullptr && is_needless(*foreign, unknown.value)) {
      apply_setting({std::string(foreign->name), unknown.value}, config);
    } else {
      mistakes.in([&name] { find_option(name); });
    }
  }
}

/// What the user's options make of `config`; what is wrong with them is told in one go.
void apply_given(const GivenOptions& given, RunConfig& config) {
  Mistakes mistakes;
  std::vector<Setting> all;
  const auto take = [&](std::vector<Setting> settings, std::string_view origin) {
    check_spellings(settings, origin, mistakes);
    all.insert(all.end(), settings.begin(), settings.end());
    std::erase_if(settings, is_foreign_value);
    apply(settings, origin, config, mistakes);
  };
  for (const std::string& file : given.config_files)
    take(parse_settings(read_text(file), file, mistakes), file);
  take(given.settings, "");
  read_unknown(given, config, mistakes);
  take_foreign_values(all, config, mistakes);
  check_values(config, mistakes);
  mistakes.refuse();
  const Setting* group = last_setting(given.settings, "group-size");
  const std::string standard = option_text(find_option("group-size"), RunConfig());
  // Other numbers are refused with it; this one files have that were recorded for another approach.
  if (config.approach == Approach::kBaseline && group != nullptr && group->text == standard) {
    config.remarks.push_back(fmt::format(
        "without effect: --group-size {} (--approach baseline has no redundancy)", group->text));
  }
}

RunConfig config_of_file(const std::vector<Setting>& settings, const std::filesystem::path& file) {
  RunConfig config;
  Mistakes mistakes;
  apply(settings, file.string(), config, mistakes);
  mistakes.refuse();
  return config;
}

}  // namespace

std::vector<Setting> settings_of_file(const std::string& file) {
  return parse_settings(read_text(file), file);
}

bool GivenOptions::has(std::string_view option) const {
  // Read anew each time: they are small files, asked once or twice.
  for (const std::string& file : config_files) {
    for (const Setting& setting : parse_settings(read_text(file), file)) {
      if (canonical_name(setting.name) == canonical_name(option)) return true;
    }
  }
  return std::any_of(settings.begin(), settings.end(), [&](const Setting& setting) {
    return canonical_name(setting.name) == canonical_name(option);
  });
}

RunConfig given_config(const GivenOptions& given) {
  RunConfig config;
  apply_given(given, config);
  return config;
}

RunConfig recorded_config(const std::filesystem::path& recorded) {
  return config_of_file(parse_settings(read_text(recorded), recorded.string()), recorded);
}

RunConfig given_config_over(const GivenOptions& given, const std::filesystem::path& recorded) {
  std::vector<Setting> settings = parse_settings(read_text(recorded), recorded.string());
  std::erase_if(settings, [](const Setting& setting) {
    return std::ranges::any_of(train_options(), [&](const Option& option) {
      return option.scope == Scope::kInvocation && option.name == setting.name;
    });
  });
  RunConfig config = config_of_file(settings, recorded);
  apply_given(given, config);
  return config;
}

}  // namespace detox
