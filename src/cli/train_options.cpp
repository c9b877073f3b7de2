#include "cli/train_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "base/names.hpp"
#include "comm/mpi/mpi_session.hpp"
#include "detox/errors.hpp"
#include "record/file_io.hpp"

namespace detox {
namespace {

// Belong to an invocation, not to a run.
constexpr std::array<std::string_view, 9> kNotTakenOver = {"engine",
                                                           "threads",
                                                           "train-dir",
                                                           "resume",
                                                           "checkpoint-step",
                                                           "allow-other-numerics",
                                                           "compute-every-replica",
                                                           "log-interval",
                                                           "no-evaluate"};

std::string read_text(const std::filesystem::path& file) {
  return std::string(text_of(read_file(file)));
}

void apply(const std::vector<Setting>& settings, std::string_view origin, RunConfig& config) {
  for (const Setting& setting : settings) {
    try {
      set_option(find_option(setting.name), setting.text, config);
    } catch (const UsageError& error) {
      throw UsageError(origin.empty() ? error.what() : fmt::format("{}: {}", origin, error.what()));
    }
  }
}

void apply_given(const GivenOptions& given, RunConfig& config) {
  for (const std::string& file : given.config_files) {
    apply(parse_settings(read_text(file), file), file, config);
  }
  apply(given.settings, "", config);
}

std::string help_text(const Option& option) {
  return fmt::format("{} [{}]", option.help, option_text(option, RunConfig{}));
}

std::string value_text(const Option& option) {
  return option.choices.empty() ? std::string(option.value)
                                : fmt::format("{}", fmt::join(option.choices, "|"));
}

}  // namespace

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

std::shared_ptr<GivenOptions> add_train_options(CLI::App& command) {
  auto given = std::make_shared<GivenOptions>();
  command
      .add_option("--config", given->config_files,
                  "a TOML file of options (name = value); may be given more than once, later files "
                  "win over earlier ones, the command line over all")
      ->type_name("FILE")
      ->expected(1)
      ->take_all();
  for (const Option& option : train_options()) {
    const bool is_switch = std::holds_alternative<bool RunConfig::*>(option.field);
    const auto add = [&](std::string_view name, std::string_view group, std::string help) {
      auto* added = command.add_option_function<std::string>(
          fmt::format("--{}", name),
          [given, name, is_switch, canonical = option.name](const std::string& text) {
            if (name == "bucket-size" && rank_under_mpi() == 0)
              log_info("--bucket-size {} is the number of buckets (--buckets)", text);
            const bool bare = is_switch && text.empty();  // --nesterov, without a value
            given->settings.push_back({std::string(canonical), bare ? "on" : text});
          },
          std::move(help));
      added->group(std::string(group))->type_name(value_text(option))->take_last();
      if (is_switch) added->expected(0, 1);
    };
    add(option.name, option.group, help_text(option));
    if (!option.alias.empty()) add(option.alias, "", "");
  }
  return given;
}

RunConfig given_config(const GivenOptions& given) {
  RunConfig config;
  apply_given(given, config);
  return config;
}

RunConfig recorded_config(const std::filesystem::path& recorded) {
  RunConfig config;
  apply(parse_settings(read_text(recorded), recorded.string()), recorded.string(), config);
  return config;
}

RunConfig given_config_over(const GivenOptions& given, const std::filesystem::path& recorded) {
  std::vector<Setting> settings = parse_settings(read_text(recorded), recorded.string());
  std::erase_if(settings, [](const Setting& setting) {
    return std::any_of(kNotTakenOver.begin(), kNotTakenOver.end(), [&](std::string_view name) {
      return canonical_name(name) == canonical_name(setting.name);
    });
  });
  RunConfig config;
  apply(settings, recorded.string(), config);
  apply_given(given, config);
  return config;
}

}  // namespace detox
