// The one list of options: command line, help, configuration files, the resolved configuration and
// its digest all come from it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/run_config.hpp"

namespace detox {

class Mistakes;
struct RuleOption;

/// How far a value reaches.
enum class Scope {
  kResult,     ///< part of the configuration's digest: runs that differ in it give different bits
  kRun,        ///< recorded, and taken over by a run that goes on
  kInvocation  ///< of one start of the program
};

/// A member of RunConfig that is an enumeration with words (base/words.hpp), by the numbers of its
/// values.
struct Choice {
  std::size_t (*read)(const RunConfig& config);
  void (*write)(std::size_t value, RunConfig& config);
  std::vector<std::string_view> (*words)();
  std::vector<std::string_view> (*aliases)();
};

/// One option. Values travel as text; `field` says where the value lives and so how the text is
/// read.
struct Option {
  /// A rule's option lives in RunConfig::rule.
  using Field = std::variant<std::string RunConfig::*, std::optional<std::string> RunConfig::*,
                             std::uint64_t RunConfig::*, std::optional<std::uint64_t> RunConfig::*,
                             double RunConfig::*, std::optional<double> RunConfig::*,
                             bool RunConfig::*, Choice, const RuleOption*>;
  std::string_view group;
  std::string_view name;        ///< without dashes: also the key in configuration files
  std::string_view alias = {};  ///< another accepted name, or empty
  Field field;
  /// Text for 0 or for "decided from other options": off, all, auto, …
  std::string_view empty_word = {};
  std::string help;
  std::vector<std::string_view> choices = {};  ///< those of a Choice, or of text; empty: free
  std::vector<std::string_view> choice_aliases = {};  ///< in the order of the choices, or none
  std::string_view noun = {};  ///< for a wrong choice: "unknown NOUN"; empty: value of --NAME
  /// What help and completion show for a value that is free: FILE, DIR, a list of names (NETWORK,
  /// DATASET, RULE, ATTACK, STEPS) or a word that stands for itself, as alternatives between bars.
  std::string_view value = {};
  bool takes_list = false;  ///< several values, joined by commas: a file may give a list
  Scope scope = Scope::kResult;
  bool is_everyday = false;     ///< of the twenty or so that people need: what `--help` shows
  bool in_every_trial = false;  ///< the same in all runs of a search: it makes no other run of one
  bool is_newer = false;        ///< than runs that go on: at its default no part of the digest
};

/// All options of `detoxml train`, in the order of the help.
std::span<const Option> train_options();

bool is_number(const Option& option);
bool is_switch(const Option& option);

/// What help shows for the value: its kind (N a whole number, X a number, FILE, DIR, a list of
/// names) and words that stand for themselves, between bars.
std::string value_form(const Option& option);

/// The option of this name or alias. UsageError where there is none, with what to write instead
/// (foreign_options.hpp) or the nearest name.
const Option& find_option(std::string_view name);

/// Reads text into the option's field. UsageError: what, the value given, what would be valid. Text
/// that is not one line of UTF-8 is refused: a configuration file could not say it.
void set_option(const Option& option, std::string_view text, RunConfig& config);

/// The value as set_option reads it back.
std::string option_text(const Option& option, const RunConfig& config);

struct Setting {
  std::string name, text;
  std::string written = {};  ///< the name as it was given, where that is another one
};

/// The last of this name; null where there is none.
const Setting* last_setting(std::span<const Setting> settings, std::string_view name);

/// The settings of a configuration file (TOML, flat keys), each option once and by its own name; a
/// name that apply_setting() takes with a remark stays as it is. `origin` is for messages. Any
/// bytes may come in; UsageError (with the line and the nearest name, all of them in one) or
/// InputError for what is not a configuration.
std::vector<Setting> parse_settings(std::string_view toml_text, std::string_view origin);

/// The same; what a UsageError would say goes to `mistakes`, and the rest is returned.
std::vector<Setting> parse_settings(std::string_view toml_text, std::string_view origin,
                                    Mistakes& mistakes);

/// set_option by name; what users of the original write and nothing here needs becomes a remark.
void apply_setting(const Setting& setting, RunConfig& config);

/// The whole configuration as TOML that parse_settings reads back.
std::string to_toml(const RunConfig& config, std::string_view header_comment);

/// SHA-256, hex, over the options that affect the result, `extra` (facts such as the data's digest)
/// included.
std::string config_digest(const RunConfig& config, std::string_view extra);

/// Options that affect the result and differ, as "lr: 0.01 here, 0.1 there" lines.
std::vector<std::string> differences(const RunConfig& here, const RunConfig& there);

}  // namespace detox
