#include "base/duration_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace detox {

std::string duration_text(double seconds) {
  const auto whole = std::llround(std::max(0.0, seconds));
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace detox
