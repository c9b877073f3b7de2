// Text in rows and columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// Columns for a terminal, two spaces apart; all rows have as many fields as the first.
std::string in_columns(const std::vector<std::vector<std::string>>& rows);

/// Characters, not bytes.
std::size_t width_of(std::string_view text);

}  // namespace detox
