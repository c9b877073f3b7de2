#include "stages/aggregate/rule_option.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

template <class T>
bool parses(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

[[noreturn]] void refuse(std::string_view name, std::string_view value, std::string_view valid) {
  throw UsageError(fmt::format("{} '{}'; valid: {}", name, printable(value, 40), valid));
}

double parse_above_zero(std::string_view name, std::string_view value) {
  double number = 0;
  if (parses(value, number) && number > 0 && std::isfinite(number)) return number;
  refuse(name, value, "a number above 0");
}

struct RuleOption {
  std::string_view name;
  void (*set)(std::string_view name, std::string_view value, RuleOptions& options);
};

constexpr std::array<RuleOption, 10> kOptions = {{
    {"bulyan-variant",
     [](std::string_view, std::string_view value, RuleOptions& options) {
       if (value != "paper" && value != "detox")
         throw UsageError(unknown_name("bulyan variant", value, {"paper", "detox"}));
       options.bulyan_variant = value == "detox" ? BulyanVariant::kDetox : BulyanVariant::kPaper;
     }},
    {"clip-radius",
     [](std::string_view name, std::string_view value, RuleOptions& options) {
       options.clip_radius = parse_above_zero(name, value);
     }},
    {"clip-rounds",
     [](std::string_view name, std::string_view value, RuleOptions& options) {
       options.clip_rounds = parse_count(name, value);
       if (options.clip_rounds < 1 || options.clip_rounds > kMostClipRounds)
         refuse(name, value, fmt::format("1 to {}", kMostClipRounds));
     }},
    {"f", [](std::string_view name, std::string_view value,
             RuleOptions& options) { options.f = parse_count(name, value); }},
    {"krum-select", [](std::string_view name, std::string_view value,
                       RuleOptions& options) { options.krum_select = parse_count(name, value); }},
    {"pre", [](std::string_view, std::string_view value,
               RuleOptions& options) { options.pre = parse_pre_steps(value); }},
    {"reference-row",
     [](std::string_view name, std::string_view value, RuleOptions& options) {
       options.reference_row = parse_count(name, value);
     }},
    {"semantics", [](std::string_view, std::string_view value,
                     RuleOptions& options) { options.semantics = parse_semantics(value); }},
    {"tolerance",
     [](std::string_view name, std::string_view value, RuleOptions& options) {
       double number = 0;
       if (!parses(value, number) || !(number >= 0 && number < 1))
         refuse(name, value, "from 0 up to, not including, 1");
       options.tolerance = number;
     }},
    {"weight-cap",
     [](std::string_view name, std::string_view value, RuleOptions& options) {
       options.weight_cap = parse_above_zero(name, value);
       if (options.weight_cap < 1) refuse(name, value, "a number from 1");
     }},
}};

}  // namespace

void set_rule_option(std::string_view name, std::string_view value, RuleOptions& options) {
  find_by_name("option", name, std::span<const RuleOption>(kOptions)).set(name, value, options);
}

Semantics parse_semantics(std::string_view value) {
  for (const Semantics semantics : {Semantics::kPaper, Semantics::kByzfl, Semantics::kByzpy}) {
    if (value == to_text(semantics)) return semantics;
  }
  throw UsageError(unknown_name("semantics", value, {"paper", "byzfl", "byzpy"}));
}

std::string_view to_text(Semantics semantics) {
  if (semantics == Semantics::kPaper) return "paper";
  return semantics == Semantics::kByzfl ? "byzfl" : "byzpy";
}

bool differs_from_paper(std::string_view rule, Semantics semantics) {
  constexpr std::array<std::string_view, 3> kByzfl = {"geometric-median", "krum", "multi-krum"};
  constexpr std::array<std::string_view, 6> kByzpy = {
      "centered-clipping", "coord-median", "geometric-median", "krum", "meamed", "multi-krum"};
  const auto names = [rule](const auto& list) {
    return std::ranges::find(list, rule) != list.end();
  };
  return semantics == Semantics::kByzfl ? names(kByzfl)
                                        : semantics == Semantics::kByzpy && names(kByzpy);
}

std::vector<double> parse_weights(std::string_view text) {
  std::vector<double> weights;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (!parses(word, weights.emplace_back()))
      refuse("weights", word, "a number a row, joined by commas, as 120,80,100");
    begin = end + 1;
  }
  return weights;
}

std::string weighted_rules() {
  std::string names;
  for (const RuleInfo& rule : rules()) {
    if (rule.takes_weights) names += fmt::format("{}{}", names.empty() ? "" : ", ", rule.name);
  }
  return names;
}

std::uint64_t parse_count(std::string_view name, std::string_view value) {
  std::uint64_t number = 0;
  if (!parses(value, number)) refuse(name, value, "a whole number, at least 0");
  return number;
}

}  // namespace detox
