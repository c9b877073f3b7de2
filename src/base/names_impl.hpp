// The template of names.hpp.
#pragma once

#include "detox/errors.hpp"

namespace detox {

template <class Info>
const Info& find_by_name(std::string_view what, std::string_view given, std::span<const Info> all) {
  std::vector<std::string_view> valid, aliases;
  for (const Info& info : all) {
    if (canonical_name(info.name) == canonical_name(given)) return info;
    if constexpr (requires { info.alias; }) {
      if (!info.alias.empty()) aliases.push_back(info.alias);
      if (!info.alias.empty() && canonical_name(info.alias) == canonical_name(given)) return info;
    }
    valid.push_back(info.name);
  }
  throw UsageError(unknown_name(what, given, valid, aliases));
}

}  // namespace detox
