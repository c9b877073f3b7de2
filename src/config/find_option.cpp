// Options by what people write.
#include <fmt/format.h>

#include <algorithm>

#include "base/names.hpp"
#include "config/foreign_options.hpp"
#include "config/options.hpp"
#include "detox/errors.hpp"

namespace detox {

const Option& find_option(std::string_view name) {
  const std::string wanted = canonical_name(name);
  std::vector<std::string_view> names;
  for (const Option& option : train_options()) {
    names.push_back(option.name);
    if (!option.alias.empty()) names.push_back(option.alias);
    const bool is_alias = !option.alias.empty() && canonical_name(option.alias) == wanted;
    if (canonical_name(option.name) == wanted || is_alias) return option;
  }
  if (const ForeignOption* foreign = find_foreign_option(name))
    throw UsageError(fmt::format("no option '{}' here: {}", printable(name), foreign->answer));
  constexpr std::size_t kShortest = 4;  // shorter ones are near anything
  for (const ForeignOption& foreign : foreign_options()) {
    if (foreign.name.size() >= kShortest) names.push_back(foreign.name);
  }
  const std::string_view nearest = nearest_name(name, names);
  const ForeignOption* foreign = find_foreign_option(nearest);
  const std::string hint =
      foreign != nullptr ? fmt::format(" (if {} is meant: {})", foreign->name, foreign->answer)
      : !nearest.empty() ? fmt::format(" (did you mean {}?)", nearest)
                         : "";
  throw UsageError(fmt::format("unknown option '{}'{}; detoxml train --help-all shows all",
                               printable(name), hint));
}

const Setting* last_setting(std::span<const Setting> settings, std::string_view name) {
  const auto found = std::find_if(settings.rbegin(), settings.rend(),
                                  [name](const Setting& setting) { return setting.name == name; });
  return found == settings.rend() ? nullptr : &*found;
}

}  // namespace detox
