#include "base/range.hpp"

#include <fmt/format.h>

#include <cmath>

namespace detox {

bool Range::contains(double value) const {
  if (!std::isfinite(value) || (whole && value != std::floor(value))) return false;
  return (above_least ? value > least : value >= least) &&
         (below_most ? value < most : value <= most);
}

std::string Range::words() const {
  std::string text = whole ? "a whole number" : "a number";
  const bool is_closed = !above_least && !below_most;
  if (std::isfinite(least)) text += fmt::format("{}{}", above_least ? " above " : " from ", least);
  if (!std::isfinite(most)) return text;
  if (std::isfinite(least) && !is_closed) text += " and";
  return text + fmt::format("{}{}",
                            below_most                          ? " below "
                            : is_closed && std::isfinite(least) ? " to "
                                                                : " at most ",
                            most);
}

}  // namespace detox
