// Names as users type them: case and dashes do not matter, and a wrong one is answered with the
// nearest.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// Lower case, without dashes, underscores and spaces: "Multi-Krum" and "multi_krum" are the same
/// name.
std::string canonical_name(std::string_view name);

/// Text from outside as a message may show it: one line of ASCII, and not too long.
std::string printable(std::string_view text, std::size_t longest = 80);

/// The valid name that is most like the given one; empty where none is.
std::string_view nearest_name(std::string_view given, const std::vector<std::string_view>& valid);

/// One line for an unknown name: what it is, the nearest valid one (or alias) and all valid ones.
std::string unknown_name(std::string_view what, std::string_view given,
                         const std::vector<std::string_view>& valid,
                         const std::vector<std::string_view>& aliases = {});

/// The entry of a registry with this name or alias; UsageError where there is none.
template <class Info>
const Info& find_by_name(std::string_view what, std::string_view given, std::span<const Info> all);

}  // namespace detox

#include "base/names_impl.hpp"
