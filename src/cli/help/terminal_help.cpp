#include "cli/help/terminal_help.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/columns.hpp"

namespace detox {
namespace {

constexpr std::size_t kTextColumn = 34, kFewestColumns = 60;

/// 0 where nobody reads in a terminal, or in one too narrow for two columns.
std::size_t columns_of_output() {
  winsize size{};
  if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col < kFewestColumns ? 0 : size.ws_col;
}

/// Where a line's text begins: behind an option or a command, or behind the spaces.
std::size_t indent_of(std::string_view line) {
  const std::size_t first = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t gap = line.find("  ", first);
  const std::size_t text = first == 0 ? line.npos : line.find_first_not_of(' ', gap);
  return text == line.npos ? first : text;
}

void add_wrapped(std::string_view line, std::size_t columns, std::string& text) {
  const std::size_t indent = indent_of(line);
  std::size_t used = indent;
  text += line.substr(0, indent);
  for (std::size_t at = indent; at < line.size();) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    const std::string_view word = line.substr(at, end - at);
    if (used > indent && used + 1 + width_of(word) > columns) {
      text += '\n' + std::string(indent, ' ');
      used = indent;
    } else if (used > indent) {
      text += ' ';
      ++used;
    }
    text += word;
    used += width_of(word);
    at = end + 1;
  }
}

}  // namespace

std::string wrapped_help(std::string_view text, std::size_t columns) {
  std::string wrapped;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (width_of(line) <= columns || line.starts_with("  detoxml ")) {
      wrapped += line;
    } else {
      add_wrapped(line, columns, wrapped);
    }
    if (end < text.size()) wrapped += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return wrapped;
}

TerminalHelp::TerminalHelp() { column_width(kTextColumn); }

std::string TerminalHelp::make_help(const CLI::App* app, std::string name,
                                    CLI::AppFormatMode mode) const {
  std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
  const std::size_t columns = columns_of_output();
  return columns == 0 ? text : wrapped_help(text, columns);
}

}  // namespace detox
