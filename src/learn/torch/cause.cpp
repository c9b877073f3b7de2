#include "learn/torch/cause.hpp"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <string_view>

#include "base/names.hpp"

namespace detox {
namespace {

constexpr std::size_t kLongestCause = 240;

/// Tracebacks are indented; what they lead to is not.
std::string_view behind_tracebacks(std::string_view text) {
  const std::size_t traceback = text.rfind("Traceback of TorchScript");
  if (traceback == std::string_view::npos) return text;
  for (std::size_t end = text.find('\n', traceback); end != std::string_view::npos;
       end = text.find('\n', end + 1)) {
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ' ' && rest.front() != '\n') return rest;
  }
  return text;
}

std::string_view first_line(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \n");
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin);
  return text.substr(0, text.find('\n'));
}

/// "RuntimeError: " and "[enforce fail at file.cc:165] . " are about Python and libtorch.
std::string_view without_prefixes(std::string_view line) {
  if (line.starts_with("[enforce fail at ")) {
    const std::size_t end = line.find(']');
    const std::size_t text =
        end == std::string_view::npos ? end : line.find_first_not_of(" .", end + 1);
    if (text != std::string_view::npos) line.remove_prefix(text);
  }
  const std::size_t colon = line.find(": ");
  const std::string_view kind = line.substr(0, colon);
  const bool is_kind = colon != std::string_view::npos &&
                       kind.find(' ') == std::string_view::npos &&
                       (kind.ends_with("Error") || kind.ends_with("Exception"));
  if (is_kind) line.remove_prefix(colon + 2);
  return line;
}

/// Of a long line the first sentence: others guess and advise.
std::string_view first_sentence(std::string_view line) {
  constexpr std::size_t kShort = 20;
  const std::size_t end = line.find(". ", kShort);
  return end == std::string_view::npos ? line : line.substr(0, end);
}

/// "here:" points at lines that are not shown.
std::string_view without_end(std::string_view line) {
  if (line.ends_with(" here:")) line.remove_suffix(6);
  const std::size_t last = line.find_last_not_of(" .:");
  return line.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// Bytes that are no ASCII by their numbers: often they are the cause.
std::string escaped(std::string_view line) {
  std::string text;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte < 0x80 ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return text;
}

}  // namespace

std::string cause_of(const std::exception& error) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  const std::string text = of_torch ? of_torch->what_without_backtrace() : error.what();
  const std::string_view line = without_prefixes(first_line(behind_tracebacks(text)));
  const std::string shown = escaped(without_end(first_sentence(line)));
  return shown.empty() ? "it does not say why" : printable(shown, kLongestCause);
}

}  // namespace detox
