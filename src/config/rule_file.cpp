#include "config/rule_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/module.hpp"
#include "base/module_note.hpp"
#include "base/names.hpp"
#include "config/outside_name.hpp"
#include "config/rule_process.hpp"
#include "detox/errors.hpp"
#include "detox/rule_module.h"
#include "stages/aggregate/function_rule.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigestLetters = 2 * std::tuple_size_v<Digest>;

[[noreturn]] void refuse_rule(const std::string& file, std::string_view why) {
  throw InputError(fmt::format("rule {}: {}", printable(file, 200), why));
}

/// What a module's own texts become: a line that fits into messages.
std::string own_text(const char* text) {
  constexpr std::size_t kLongest = 60;
  return printable(text == nullptr ? "" : text, kLongest);
}

/// A file that has been opened, which it stays.
struct OpenRule {
  detox_function_rule functions{};
  std::unique_ptr<RuleProcess> process;
  std::string name, requirement, recorded, identity;
  RuleInfo info;

  static std::unique_ptr<Aggregator> make(const RuleOptions& options, const void* functions) {
    return make_function_rule(*static_cast<const detox_function_rule*>(functions), options);
  }
  static std::unique_ptr<Aggregator> make_asking(const RuleOptions& options, const void* process) {
    return static_cast<const RuleProcess*>(process)->make(options);
  }
};

const detox_function_rule& functions_in(const std::string& file) {
  void* module = open_module(fs::absolute(file));
  using Entry = const detox_function_rule* (*)();
  const auto entry = reinterpret_cast<Entry>(symbol_of(module, DETOX_RULE_SYMBOL));
  const detox_function_rule* rule = entry == nullptr ? nullptr : entry();
  if (rule == nullptr) refuse_rule(file, "it has no " DETOX_RULE_SYMBOL " that gives a rule");
  if (own_text(rule->name).empty()) refuse_rule(file, "its rule has no name");
  if (rule->reduce_float == nullptr && rule->reduce_double == nullptr)
    refuse_rule(file, "its rule has no function");
  return *rule;
}

std::unique_ptr<OpenRule> opened_process(const std::string& socket) {
  auto rule = std::make_unique<OpenRule>();
  try {
    rule->process = std::make_unique<RuleProcess>(socket);
  } catch (const InputError& error) {
    refuse_rule(socket, error.what());
  }
  const RuleProcess& process = *rule->process;
  rule->identity = fmt::format("{}{}", kFunctionMark, process.source());
  rule->recorded = socket + rule->identity;
  rule->info = {.make = {OpenRule::make_asking, &process},
                .name = process.name(),
                .requirement = process.requirement(),
                .min_rows = process.min_rows(),
                .file = rule->recorded};
  return rule;
}

std::unique_ptr<OpenRule> opened(const std::string& file) {
  if (is_socket(file)) return opened_process(file);
  try {
    read_module_note(
        file, {.what = "rule", .note_type = DETOX_RULE_NOTE, .interface = DETOX_RULE_INTERFACE});
  } catch (const InputError& error) {
    refuse_rule(file, fmt::format("{}; valid: --mode FILE, a library made with detox/rule_module.h",
                                  error.what()));
  }
  auto rule = std::make_unique<OpenRule>();
  rule->identity = fmt::format("{}{}", kFileMark, digest_of_file(file));
  rule->functions = functions_in(file);
  rule->name = own_text(rule->functions.name);
  rule->functions.name = rule->name.c_str();
  try {
    rule->requirement = own_text(std::string(requirement_of(rule->functions)).c_str());
  } catch (const UsageError& error) {
    refuse_rule(file, error.what());
  }
  if (rule->functions.requirement != nullptr)
    rule->functions.requirement = rule->requirement.c_str();
  rule->recorded = file + rule->identity;
  rule->info = {.make = {OpenRule::make, &rule->functions},
                .name = rule->name,
                .requirement = rule->requirement,
                .min_rows = min_rows_of(rule->functions),
                .file = rule->recorded};
  return rule;
}

const OpenRule& open_once(const std::string& file) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<OpenRule>> rules;
  const std::lock_guard lock(mutex);
  std::unique_ptr<OpenRule>& rule = rules[file];
  if (rule == nullptr) rule = opened(file);
  return *rule;
}

template <class T>
void check_bits(const RuleInfo& rule, std::span<const T> once, std::span<const T> again) {
  for (std::size_t i = 0; i < once.size(); ++i) {
    if (std::isnan(once[i]))
      throw InputError(fmt::format("{}: value {} of its result is NaN", rule.name, i));
    // Zeros of two signs are two results.
    if (once[i] != again[i] || std::signbit(once[i]) != std::signbit(again[i])) {
      throw InputError(
          fmt::format("{}: twice the same rows, and value {} of its results is {} and {}; valid: a "
                      "rule whose result depends on nothing else",
                      rule.name, i, once[i], again[i]));
    }
  }
}

}  // namespace

bool is_rule_file(std::string_view rule) {
  return rule.find('/') != std::string_view::npos || rule.ends_with(".so");
}

const RuleInfo& rule_of(std::string_view name_or_file) {
  if (!is_rule_file(name_or_file)) return find_rule(name_or_file);
  const OutsideName wanted = outside_name(name_or_file);
  const bool was_function = wanted.identity.starts_with(kFunctionMark);
  if (was_function && !is_socket(wanted.place)) {
    refuse_rule(wanted.place,
                "it was a function of another process, which is gone; valid: that process again, "
                "as detoxml.train(rule=..., resume=\"auto\") in Python, or its socket by --mode");
  }
  const OpenRule& rule = open_once(wanted.place);
  if (!wanted.identity.empty() && wanted.identity != rule.identity) {
    const auto shown = [](std::string_view identity) {
      return printable(digest_in(identity), kDigestLetters);
    };
    refuse_rule(
        wanted.place,
        fmt::format("{} SHA-256 is {}, and {} is recorded; valid: that {} again, or with "
                    "this one (--mode {}) a new run, from the same weights by --pretrained",
                    was_function ? "its source's" : "its", shown(rule.identity),
                    shown(wanted.identity), was_function ? "function" : "file", wanted.place));
  }
  return rule.info;
}

std::string recorded_name(const RuleInfo& rule) {
  return std::string(rule.file.empty() ? rule.name : rule.file);
}

std::string identity_of(const RuleInfo& rule) {
  return rule.file.empty() ? std::string(rule.name) : outside_name(rule.file).identity;
}

void check_repeats(const RuleInfo& rule, std::span<const float> once,
                   std::span<const float> again) {
  check_bits(rule, once, again);
}
void check_repeats(const RuleInfo& rule, std::span<const double> once,
                   std::span<const double> again) {
  check_bits(rule, once, again);
}

}  // namespace detox
