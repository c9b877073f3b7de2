#include "base/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>

namespace detox {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({row[j - 1] + 1, above + 1, replaced});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string canonical_name(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == '-' || c == '_' || c == ' ') continue;
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

std::string printable(std::string_view text, std::size_t longest) {
  std::string shown(text.substr(0, longest));
  for (char& c : shown) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text.size() > longest ? shown + "..." : shown;
}

std::string_view nearest_name(std::string_view given, const std::vector<std::string_view>& valid) {
  const std::string shown = printable(given);
  std::string_view nearest;
  std::size_t least = shown.size() / 3 + 2;  // farther names are no help
  for (const std::string_view name : valid) {
    const std::size_t distance = edit_distance(canonical_name(shown), canonical_name(name));
    if (distance >= least) continue;
    least = distance;
    nearest = name;
  }
  return nearest;
}

std::string unknown_name(std::string_view what, std::string_view given,
                         const std::vector<std::string_view>& valid,
                         const std::vector<std::string_view>& aliases) {
  std::vector<std::string_view> names = valid;
  names.insert(names.end(), aliases.begin(), aliases.end());
  const std::string_view nearest = nearest_name(given, names);
  const std::string hint = nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest);
  return fmt::format("unknown {} '{}'{}; valid: {}", what, printable(given), hint,
                     fmt::join(valid, ", "));
}

}  // namespace detox
