#pragma once

#include <string>

namespace detox {

/// "1:02:03" or "2:03", rounded to seconds; "0:00" for what is below 0.
std::string duration_text(double seconds);

}  // namespace detox
