// Numbers in the JSON that this program writes.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace detox {

/// "nan", "inf" or "-inf" where JSON has no number for it (Python's float() reads them back), so
/// that null keeps one meaning: there is none.
inline nlohmann::json json_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

inline nlohmann::json json_number(const std::optional<double>& value) {
  return value ? json_number(*value) : nlohmann::json(nullptr);
}

}  // namespace detox
