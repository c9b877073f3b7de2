#include "experiment/sweep.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/names.hpp"
#include "detox/errors.hpp"
#include "experiment/value_range.hpp"

namespace detox {
namespace {

void add_value(const Option& option, std::string_view text, std::vector<std::string>& values) {
  std::string value = value_text(option, text);
  if (std::find(values.begin(), values.end(), value) != values.end()) return;
  if (values.size() == kMostValues) {
    throw UsageError(fmt::format("{} has too many values; at most {}", option.name, kMostValues));
  }
  values.push_back(std::move(value));
}

Sweep parse_named(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw UsageError("no values; valid: NAME=VALUE,VALUE,… as in lr=0.1,0.01 or lr=2^-10..2^-3");
  }
  const Option& option = varied_option(printable(text.substr(0, equals)));
  if (option.name == "seed") {
    throw UsageError(
        "a seed is no value to choose: runs with other seeds are replicates; valid: detoxml "
        "compare --seeds "
        "N, or the seeds of an experiment, for means with their spread");
  }
  return {std::string(option.name), parse_values(option, text.substr(equals + 1))};
}

}  // namespace

std::vector<std::string_view> split_values(std::string_view list) {
  std::vector<std::string_view> items;
  std::size_t begin = 0, depth = 0;
  const auto end_item = [&](std::size_t end) {
    std::string_view item = list.substr(begin, end - begin);
    if (item.size() >= 2 && item.front() == '[' && item.back() == ']')
      item = item.substr(1, item.size() - 2);
    if (item.empty()) throw UsageError("a value is empty; valid: VALUE,VALUE,…");
    items.push_back(item);
    begin = end + 1;
  };
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '[') ++depth;
    if (list[i] == ']' && depth-- == 0) throw UsageError("a bracket is closed that is not open");
    if (list[i] == ',' && depth == 0) end_item(i);
  }
  if (depth != 0) throw UsageError("a bracket is not closed");
  end_item(list.size());
  return items;
}

std::string value_text(const Option& option, std::string_view text) {
  RunConfig config;
  set_option(option, text, config);
  return option_text(option, config);
}

const Option& varied_option(const std::string& name) {
  std::vector<std::string_view> valid;
  valid.reserve(train_options().size());
  for (const Option& option : train_options()) {
    if (!option.in_every_trial) valid.push_back(option.name);
  }
  const Option* found = nullptr;
  try {
    found = &find_option(name);
  } catch (const UsageError&) {
    throw UsageError(unknown_name("option", name, valid));
  }
  if (!found->in_every_trial) return *found;
  throw UsageError(
      fmt::format("results do not depend on {}; valid: {}", found->name, fmt::join(valid, ", ")));
}

std::vector<std::string> parse_values(const Option& option, std::string_view list) {
  std::vector<std::string> values;
  for (const std::string_view item : split_values(list)) {
    const std::vector<std::string> numbers =
        is_number(option) ? expand_numbers(item, kMostValues) : std::vector<std::string>();
    if (numbers.empty()) add_value(option, item, values);
    for (const std::string& number : numbers) add_value(option, number, values);
  }
  return values;
}

Sweep parse_sweep(std::string_view text) {
  try {
    return parse_named(text);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("--sweep {}: {}", printable(text), error.what()));
  }
}

std::vector<Sweep> parse_sweeps(const std::vector<std::string>& texts) {
  std::vector<Sweep> sweeps;
  sweeps.reserve(texts.size());
  std::size_t runs = 1;
  for (const std::string& text : texts) {
    Sweep sweep = parse_sweep(text);
    const bool is_there = std::any_of(sweeps.begin(), sweeps.end(), [&](const Sweep& other) {
      return other.option == sweep.option;
    });
    if (is_there) {
      throw UsageError(fmt::format("--sweep {}: {} is swept twice; valid: all its values in one",
                                   printable(text), sweep.option));
    }
    runs *= sweep.values.size();
    if (runs > kMostRuns) {
      throw UsageError(fmt::format("--sweep {}: with it there are more than {} runs; valid: fewer",
                                   printable(text), kMostRuns));
    }
    sweeps.push_back(std::move(sweep));
  }
  return sweeps;
}

}  // namespace detox
