#include "experiment/experiment_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

#include "base/file.hpp"
#include "base/mistakes.hpp"
#include "base/names.hpp"
#include "config/toml_settings.hpp"
#include "detox/errors.hpp"
#include "experiment/sweep.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestAxisName = 80, kMostRules = 1000;

// What an experiment decides itself, and why a run cannot have it otherwise.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kDecided = {{
    {"allow-other-numerics", "a run goes on under its own numerical profile"},
    {"checkpoint-step", "runs go on by themselves: give the same command again"},
    {"engine", "each run is one process, with the bits of a run over MPI"},
    {"log-interval", "each run's lines are in its train.log"},
    {"no-evaluate", "each run is scored when it has finished"},
    {"overwrite", "what is there is kept: a changed experiment runs what is new"},
    {"readmit", "each run is one process, whose workers are no other machines"},
    {"replay", "a record is repeated by detoxml train"},
    {"resume", "runs go on by themselves: give the same command again"},
    {"seed", "seeds are replicates: seeds = 3, or seeds = [428, 1, 2], at the top of the file"},
    {"threads", "runs share the cores; valid: --threads of detoxml experiment"},
    {"train-dir", "each run has its own folder below --dir"},
}};

/// Where something stands, for messages.
struct FileLine {
  const fs::path& file;
  std::size_t line = 0;

  FileLine at(std::size_t other) const { return {file, other}; }
  [[noreturn]] void refuse(std::string_view what) const {
    throw UsageError(fmt::format("{}:{}: {}", file.string(), line, what));
  }
  /// Does the part, and says where it went wrong.
  template <class Part>
  auto in(const Part& part) const {
    try {
      return part();
    } catch (const UsageError& error) {
      refuse(error.what());
    }
  }
};

std::string name_of(std::string_view text, std::string_view what) {
  const bool has_control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (text.empty() || text.size() > kLongestAxisName || has_control) {
    throw UsageError(fmt::format("'{}' is no name of {}; valid: one line of 1 to {} bytes",
                                 printable(text), what, kLongestAxisName));
  }
  return std::string(text);
}

/// It is a folder's as well, below output and nowhere else.
std::string name_of_experiment(std::string_view text) {
  if (text.find('/') != std::string_view::npos || text.starts_with('.')) {
    throw UsageError(
        fmt::format("'{}' is no name of an experiment; valid: one without / that does "
                    "not begin with a point",
                    printable(text)));
  }
  return name_of(text, "an experiment");
}

void check_option(std::string_view option) {
  const std::string_view why = why_not_in_experiments(option);
  if (!why.empty()) throw UsageError(fmt::format("{} is no option here: {}", option, why));
}

Setting checked(Setting setting) {
  check_option(setting.name);
  return setting;
}

/// A configuration file's; what of it belongs to an invocation is not for these runs.
void add_file(const std::string& name, const FileLine& place, std::vector<Setting>& settings) {
  const fs::path file = place.file.parent_path() / name;
  std::vector<std::byte> bytes;
  try {
    bytes = read_file(file);
  } catch (const InputError& error) {
    place.refuse(error.what());
  }
  for (Setting& setting : parse_settings(text_of(bytes), file.string())) {
    if (why_not_in_experiments(setting.name).empty()) settings.push_back(std::move(setting));
  }
}

/// A text, or a list of them.
std::vector<std::string> texts_of(const toml::node& node, std::string_view what) {
  std::vector<std::string> texts;
  if (const auto text = scalar_text(node)) return {*text};
  if (const toml::array* list = node.as_array()) {
    for (const toml::node& entry : *list) {
      const auto text = scalar_text(entry);
      if (!text) throw UsageError(fmt::format("{} holds what is no text and no number", what));
      texts.push_back(*text);
    }
  }
  if (texts.empty()) throw UsageError(fmt::format("{} is empty; valid: one, or a list", what));
  return texts;
}

/// Options as configuration files have them, and `config`: such files, which the others win over.
std::vector<Setting> bundle_of(const toml::table& table, const FileLine& place) {
  std::vector<Setting> settings, own;
  std::set<std::string> given;
  Mistakes mistakes;
  for (const TomlEntry& entry : entries_of(table)) {
    const FileLine here = place.at(entry.line);
    mistakes.in([&] {
      if (entry.key == "config") {
        for (const std::string& file : here.in([&] { return texts_of(*entry.node, "config"); }))
          add_file(file, here, settings);
        return;
      }
      own.push_back(here.in([&] { return checked(setting_of(entry.key, *entry.node)); }));
      if (!given.insert(own.back().name).second)
        here.refuse(fmt::format("{} is given twice", own.back().name));
    });
  }
  mistakes.refuse();
  settings.insert(settings.end(), own.begin(), own.end());
  return settings;
}

AxisValue named_value(const TomlEntry& entry, const FileLine& place) {
  AxisValue value{place.in([&] { return name_of(entry.key, "a value"); }), {}};
  if (const toml::table* table = entry.node->as_table()) {
    value.settings = bundle_of(*table, place);
    return value;
  }
  const bool is_text = entry.node->is_string() || entry.node->is_array();
  if (!is_text) {
    place.refuse(
        fmt::format("{} is no bundle of options; valid: {{ mode = \"krum\", … }}, or a "
                    "configuration file or a list of them",
                    shown(value.name)));
  }
  for (const std::string& file : place.in([&] { return texts_of(*entry.node, value.name); }))
    add_file(file, place, value.settings);
  return value;
}

bool is_option(std::string_view name) {
  return std::ranges::any_of(train_options(), [&](const Option& option) {
    return canonical_name(option.name) == canonical_name(name) ||
           (!option.alias.empty() && canonical_name(option.alias) == canonical_name(name));
  });
}

std::string joined_list(const toml::node& node) {
  const std::vector<std::string> texts = texts_of(node, "a value");
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : ",") + text;
  return joined;
}

/// `lr = [0.1, 0.01]`, or the values as `detoxml tune` takes them: `lr = "2^-10..2^-3"`.
std::vector<AxisValue> values_of_option(const std::string& axis, const toml::node& node) {
  const Option& option = varied_option(axis);
  check_option(option.name);
  std::vector<std::string> texts;
  if (const toml::array* list = node.as_array()) {
    for (const toml::node& entry : *list)
      texts.push_back(value_text(
          option, entry.is_array() ? joined_list(entry) : scalar_text(entry).value_or("")));
  } else if (node.is_string()) {
    texts = parse_values(option, *scalar_text(node));
  } else {
    throw UsageError(fmt::format("{} has no list of values; valid: {} = [VALUE, …]", axis, axis));
  }
  std::vector<AxisValue> values;
  values.reserve(texts.size());
  for (const std::string& text : texts)
    values.push_back({text, {{std::string(option.name), text}}});
  return values;
}

/// Configuration files, whose names are the values'.
std::vector<AxisValue> values_of_files(const std::string& axis, const toml::node& node,
                                       const FileLine& place) {
  const bool is_text = node.is_string() || node.is_array();
  const auto files = is_text ? texts_of(node, axis) : std::vector<std::string>();
  const bool are_files = !files.empty() && std::ranges::all_of(files, [](const std::string& file) {
    return file.ends_with(".toml");
  });
  if (!are_files) {
    std::vector<std::string_view> names;
    for (const Option& option : train_options()) names.push_back(option.name);
    const std::string_view nearest = nearest_name(axis, names);
    throw UsageError(fmt::format(
        "{} is no option of train{}; valid: an option and its values, a list of configuration "
        "files (*.toml), or a table [axes.{}] of named values",
        shown(axis), nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest),
        shown(axis)));
  }
  std::vector<AxisValue> values;
  for (const std::string& file : files) {
    values.push_back({name_of(fs::path(file).stem().string(), "a value"), {}});
    add_file(file, place, values.back().settings);
  }
  return values;
}

Axis axis_of(const TomlEntry& entry, const FileLine& place) {
  Axis axis{place.in([&] { return name_of(entry.key, "an axis"); }), {}};
  if (axis.name == "seeds") place.refuse("an axis cannot be named seeds");
  if (const toml::table* table = entry.node->as_table()) {
    for (const TomlEntry& value : entries_of(*table))
      axis.values.push_back(named_value(value, place.at(value.line)));
  } else {
    place.in([&] {
      if (canonical_name(axis.name) == "seed")
        throw UsageError(fmt::format("seed is no axis: {}", why_not_in_experiments("seed")));
      axis.values = is_option(axis.name) ? values_of_option(axis.name, *entry.node)
                                         : values_of_files(axis.name, *entry.node, place);
    });
  }
  if (axis.values.empty()) place.refuse(fmt::format("axis {} has no value", axis.name));
  if (axis.values.size() > kMostValues)
    place.refuse(fmt::format("axis {} has more than {} values", axis.name, kMostValues));
  std::set<std::string> names;
  for (const AxisValue& value : axis.values) {
    if (!names.insert(value.name).second)
      place.refuse(fmt::format("axis {} has the value {} twice", axis.name, shown(value.name)));
  }
  return axis;
}

std::vector<Axis> axes_of(const toml::node& node, const FileLine& place) {
  const toml::table* table = node.as_table();
  if (table == nullptr) place.refuse("axes is a table; valid: [axes] or [axes.NAME]");
  std::vector<Axis> axes;
  Mistakes mistakes;
  for (const TomlEntry& entry : entries_of(*table)) {
    mistakes.in([&] {
      axes.push_back(axis_of(entry, place.at(entry.line)));
      place.at(entry.line).in([&] { check_axes(axes); });
    });
  }
  mistakes.refuse();
  if (axes.empty()) place.refuse("[axes] is empty; valid: NAME = [VALUE, …], or [axes.NAME]");
  return axes;
}

std::size_t number_of(std::string_view name, const Axis& axis) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < axis.values.size(); ++i) {
    names.push_back(axis.values[i].name);
    if (axis.values[i].name == name) return i;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (canonical_name(names[i]) == canonical_name(name)) return i;
  }
  // A number may be written in more than one way.
  if (is_option(axis.name)) {
    try {
      const std::string text = value_text(varied_option(axis.name), name);
      const auto found = std::ranges::find(names, text);
      if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    } catch (const UsageError&) {  // is told of below
    }
  }
  throw UsageError(
      unknown_name(fmt::format("value of axis {}", axis.name), printable(name), names));
}

void add_to_rule(std::string_view axis, const std::vector<std::string>& names,
                 const std::vector<Axis>& axes, CellRule& rule) {
  if (axes.empty()) throw UsageError("there is no axis");
  std::vector<std::string_view> valid;
  valid.reserve(axes.size());
  for (const Axis& one : axes) valid.push_back(one.name);
  auto found = std::ranges::find(valid, axis);
  if (found == valid.end()) {
    found = std::ranges::find_if(
        valid, [&](std::string_view name) { return canonical_name(name) == canonical_name(axis); });
  }
  if (found == valid.end()) throw UsageError(unknown_name("axis", printable(axis), valid));
  const auto number = static_cast<std::size_t>(found - valid.begin());
  for (const std::string& name : names) rule.values[number].insert(number_of(name, axes[number]));
}

std::vector<std::uint64_t> seeds_of(const toml::node& node) {
  const auto refuse = [] {
    throw UsageError(
        fmt::format("seeds are a number of them, from 1 to {}, or a list of different whole "
                    "numbers: seeds = 3, seeds = [428, 1, 2]",
                    kMostSeeds));
  };
  if (const auto* count = node.as_integer()) {
    const std::int64_t number = count->get();
    if (number < 1 || number > static_cast<std::int64_t>(kMostSeeds)) refuse();
    return standard_seeds(static_cast<std::size_t>(number));
  }
  std::vector<std::uint64_t> seeds;
  if (const toml::array* list = node.as_array()) {
    for (const toml::node& entry : *list) {
      const auto* number = entry.as_integer();
      if (number == nullptr || number->get() < 0 || seeds.size() == kMostSeeds) refuse();
      const auto seed = static_cast<std::uint64_t>(number->get());
      if (std::ranges::find(seeds, seed) != seeds.end()) refuse();
      seeds.push_back(seed);
    }
  }
  if (seeds.empty()) refuse();
  return seeds;
}

/// Each of an array of tables: `each` is given the rule, and a node for `seeds` where there is one.
void read_rules(std::string_view key, const toml::node& node, const FileLine& place,
                const std::vector<Axis>& axes,
                const std::function<void(CellRule, const toml::node*, const FileLine&)>& each) {
  const toml::array* list = node.as_array();
  if (list == nullptr || list->size() > kMostRules || !list->is_array_of_tables())
    place.refuse(fmt::format("{} has no tables; valid: [[{}]], at most {}", key, key, kMostRules));
  for (const toml::node& entry : *list) {
    const FileLine here = place.at(entry.source().begin.line);
    CellRule rule;
    const toml::node* seeds = nullptr;
    for (const TomlEntry& line : entries_of(*entry.as_table())) {
      if (line.key == "seeds" && key == "replicate") {
        seeds = line.node;
        continue;
      }
      here.at(line.line).in(
          [&] { add_to_rule(line.key, texts_of(*line.node, line.key), axes, rule); });
    }
    each(std::move(rule), seeds, here);
  }
}

}  // namespace

bool CellRule::matches(const std::vector<std::size_t>& cell) const {
  return std::ranges::all_of(
      values, [&](const auto& axis) { return axis.second.contains(cell[axis.first]); });
}

std::vector<std::uint64_t> standard_seeds(std::size_t count) {
  std::vector<std::uint64_t> seeds = {RunConfig().seed};
  for (std::uint64_t seed = 1; seeds.size() < count; ++seed) {
    if (seed != seeds.front()) seeds.push_back(seed);
  }
  return seeds;
}

std::string_view why_not_in_experiments(std::string_view option) {
  for (const auto& [name, why] : kDecided) {
    if (name == option) return why;
  }
  return {};
}

void check_axes(const std::vector<Axis>& axes) {
  std::map<std::string, std::string> set_by;  // option to axis
  std::size_t cells = 1;
  for (const Axis& axis : axes) {
    for (const AxisValue& value : axis.values) {
      for (const Setting& setting : value.settings) {
        // No key has it: both values would be one run.
        if (setting.name == "learner") {
          throw UsageError(
              fmt::format("learner is set by axis {} ({}); valid: in [train], for all runs",
                          shown(axis.name), shown(value.name)));
        }
        const auto [found, is_new] = set_by.emplace(setting.name, axis.name);
        if (found->second == axis.name) continue;
        throw UsageError(fmt::format("{} is set by axis {} and by axis {} ({}); valid: one of them",
                                     setting.name, shown(found->second), shown(axis.name),
                                     shown(value.name)));
      }
    }
    cells *= axis.values.size();
    if (cells > kMostCells)
      throw UsageError(fmt::format("there are more than {} combinations", kMostCells));
  }
}

Experiment parse_experiment(std::string_view text, const fs::path& file) {
  const toml::table table = parse_toml(text, file.string(), "experiment");
  Experiment experiment;
  experiment.name = file.stem().string();
  experiment.seeds = standard_seeds(1);
  std::vector<TomlEntry> rules;  // for when the axes are known
  constexpr std::array<std::string_view, 7> kKeys = {"name",    "seeds", "train",    "axes",
                                                     "exclude", "only",  "replicate"};
  Mistakes mistakes;
  const auto read = [&](const TomlEntry& entry) {
    const FileLine place{file, entry.line};
    const toml::node& node = *entry.node;
    if (entry.key == "name") {
      if (!node.is_string()) place.refuse("name is no text");
      experiment.name = place.in([&] { return name_of_experiment(*scalar_text(node)); });
    } else if (entry.key == "seeds") {
      experiment.seeds = place.in([&] { return seeds_of(node); });
    } else if (entry.key == "train") {
      if (!node.is_table()) place.refuse("train is a table of options; valid: [train]");
      experiment.train = bundle_of(*node.as_table(), place);
    } else if (entry.key == "axes") {
      experiment.axes = axes_of(node, place);
    } else if (std::ranges::find(kKeys, entry.key) != kKeys.end()) {
      rules.push_back(entry);
    } else {
      place.refuse(unknown_name("key", shown(entry.key), {kKeys.begin(), kKeys.end()}) +
                   (is_option(entry.key) ? "; options of train stand in [train]" : ""));
    }
  };
  for (const TomlEntry& entry : entries_of(table)) mistakes.in([&] { read(entry); });
  mistakes.refuse();
  for (const TomlEntry& entry : rules) {
    read_rules(
        entry.key, *entry.node, {file, entry.line}, experiment.axes,
        [&](CellRule rule, const toml::node* seeds, const FileLine& place) {
          if (entry.key == "replicate") {
            if (seeds == nullptr) place.refuse("seeds are missing; valid: seeds = 3");
            experiment.other_seeds.emplace_back(std::move(rule),
                                                place.in([&] { return seeds_of(*seeds); }));
            return;
          }
          if (rule.values.empty()) place.refuse(fmt::format("[[{}]] names no axis", entry.key));
          (entry.key == "only" ? experiment.only : experiment.excluded).push_back(std::move(rule));
        });
  }
  return experiment;
}

CellRule parse_cell_rule(std::string_view text, const std::vector<Axis>& axes) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw UsageError(fmt::format("--only {}: valid: AXIS=VALUE,VALUE,…", printable(text)));
  }
  CellRule rule;
  try {
    std::vector<std::string> names;
    for (const std::string_view name : split_values(text.substr(equals + 1)))
      names.emplace_back(name);
    add_to_rule(text.substr(0, equals), names, axes, rule);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("--only {}: {}", printable(text), error.what()));
  }
  return rule;
}

void set_for_all(const std::vector<Setting>& settings, Experiment& experiment) {
  for (const Setting& setting : settings) {
    const std::string_view why = why_not_in_experiments(setting.name);
    if (!why.empty())
      throw UsageError(fmt::format("--{} is no option here: {}", setting.name, why));
    for (const Axis& axis : experiment.axes) {
      for (const AxisValue& value : axis.values) {
        if (last_setting(value.settings, setting.name) == nullptr) continue;
        throw UsageError(fmt::format("--{} is set by axis {} ({}); valid: change it there",
                                     setting.name, axis.name, value.name));
      }
    }
    experiment.train.push_back(setting);
  }
}

}  // namespace detox
