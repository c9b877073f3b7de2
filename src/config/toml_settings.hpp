// Options in TOML, for files that hold more than options alone. Include it in a .cpp only.
#pragma once

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"

namespace detox {

/// A key of a table, and what stands behind it.
struct TomlEntry {
  std::string_view key;
  const toml::node* node = nullptr;
  std::size_t line = 0;
};

/// In the order of the file.
std::vector<TomlEntry> entries_of(const toml::table& table);

/// InputError, with the line, for text that is no TOML, and for what could exhaust memory or stack.
/// Any bytes may come in; `what` they were to be, for messages.
toml::table parse_toml(std::string_view text, std::string_view origin, std::string_view what);

/// Text, number or switch as options read it; empty for lists, tables and dates.
std::optional<std::string> scalar_text(const toml::node& node);

/// What a message may quote of a file: one line, not too long.
std::string shown(std::string_view text);

/// An option and its value. UsageError, without saying where, for an unknown name or a value that
/// no option takes.
Setting setting_of(std::string_view key, const toml::node& node);

}  // namespace detox
