// Which numbers an option takes: the check and the words for it, from one place.
#pragma once

#include <limits>
#include <string>

namespace detox {

struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool above_least = false, below_most = false;  ///< the end itself is not in it
  bool whole = false;

  /// False for what is no finite number, too.
  bool contains(double value) const;
  /// As "a whole number from 1 to 1000" or "a number above 0 and below 1".
  std::string words() const;
};

}  // namespace detox
