// Numbers of things, as people say them.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>

namespace detox {

/// "1 worker", "3 workers".
template <std::integral Number>
std::string counted(Number number, std::string_view one) {
  return fmt::format("{} {}{}", number, one, number == 1 ? "" : "s");
}

}  // namespace detox
