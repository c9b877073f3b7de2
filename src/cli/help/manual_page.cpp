#include "cli/help/manual_page.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace detox {
namespace {

constexpr const char* kProgramEnd = R"(.SH EXIT STATUS
.TP
0
finished
.TP
1
an error: a file, the network, a machine
.TP
2
a usage error: the command line or a configuration is not valid
.TP
3
too many steps in a row could not be defended
.TP
4
too few workers compute the same bits
.TP
130
interrupted, with a checkpoint
.SH ENVIRONMENT
.TP
DETOX_PROFILE
the numerical profile: avx512, portable or baseline; unset: the widest that the processor has
.TP
DETOX_KERNEL_TARGET
the instruction set of the rules: avx3, avx2, sse4 or scalar, on 64-bit Arm neon or scalar; unset: the best one. Results do not depend on it.
.TP
TMPDIR
where Open MPI keeps the files of a running job
)";

/// One character of UTF-8 as groff names it; what the plainest terminals lack is spelt.
std::string roff_character(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const std::string character(text.substr(at, length));
  at += length;
  static const std::map<std::string, std::string> kSpelt = {
      {"…", "..."}, {"×", "x"}, {"≥", ">="}, {"≤", "<="}, {"–", "\\-"}, {"—", "\\-"}};
  const auto spelt = kSpelt.find(character);
  return spelt == kSpelt.end() ? "?" : spelt->second;
}

/// Text of one line as groff prints it.
std::string roff(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) >= 0x80) {
      result += roff_character(text, at);
      continue;
    }
    ++at;
    if ((c == '.' || c == '\'') && (result.empty() || result.back() == '\n')) result += "\\&";
    switch (c) {
      case '\\':
        result += "\\e";
        break;
      case '-':
        result += "\\-";
        break;
      case '\'':
        result += "\\(aq";
        break;
      case '`':
        result += "\\(ga";
        break;
      case '^':
        result += "\\(ha";
        break;
      case '~':
        result += "\\(ti";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string bold(std::string_view text) { return fmt::format("\\fB{}\\fR", roff(text)); }
std::string italic(std::string_view text) { return fmt::format("\\fI{}\\fR", roff(text)); }

std::string page_name(const CommandEntry& command) {
  return command.path.empty() ? "detoxml" : fmt::format("detoxml-{}", command.path.front());
}

/// Paragraphs between empty lines; lines that are indented stay as they are.
std::string prose(std::string_view text) {
  std::string result;
  bool literal = false, begins = true;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    const bool indented = line.starts_with("  ");
    if (literal && !indented) result += ".fi\n.RE\n", begins = true;
    if (indented && !literal) result += ".RS\n.nf\n";
    literal = indented;
    if (line.empty()) {
      begins = true;
      continue;
    }
    if (begins && !indented) result += ".PP\n";
    begins = false;
    result += roff(indented ? line.substr(2) : line) + "\n";
  }
  return result + (literal ? ".fi\n.RE\n" : "");
}

std::string option_paragraph(const OptionEntry& option) {
  std::string text = ".TP\n";
  for (const std::string& name : option.names) text += (text.size() > 4 ? ", " : "") + bold(name);
  if (!option.value.empty()) text += " " + italic(option.value);
  std::string help = option.help;
  if (!option.standard.empty()) help += fmt::format(" [{}]", option.standard);
  if (option.required) help += help.empty() ? "required" : "; required";
  return text + "\n" + roff(help) + "\n";
}

std::string options_of(const CommandEntry& command) {
  std::string text, group = "Options";
  for (const OptionEntry& option : command.options) {
    if (option.group != group) text += fmt::format(".SS {}\n", roff(option.group));
    group = option.group;
    text += option_paragraph(option);
  }
  return text;
}

std::string synopsis(const CommandEntry& command) {
  std::string line = bold(fmt::format("detoxml {}", fmt::join(command.path, " ")));
  line += fmt::format(" [{}]", italic("options"));
  for (const OptionEntry& positional : command.positionals) {
    std::string word = italic(positional.names.front());
    if (positional.repeated) word += " ...";
    if (command.passes_on()) word.insert(0, bold("--") + " ");
    line += positional.required ? " " + word : " [" + word + "]";
  }
  return line + "\n";
}

std::string synopses(const CommandEntry& command) {
  if (command.path.empty())
    return bold("detoxml") + " " + italic("command") + " [" + italic("options") + "]\n";
  if (command.commands.empty()) return synopsis(command);
  std::string text;
  for (const CommandEntry& below : command.commands)
    text += (text.empty() ? "" : ".br\n") + synopsis(below);
  return text;
}

/// "Examples:" at the front makes the section's title.
std::string closing_section(std::string_view footer) {
  if (footer.empty()) return {};
  for (const std::string_view title : {"Examples:\n", "Example:\n"}) {
    if (footer.starts_with(title)) return ".SH EXAMPLES\n" + prose(footer.substr(title.size()));
  }
  return ".SH NOTES\n" + prose(footer);
}

std::string arguments_of(const CommandEntry& command, std::string_view title) {
  std::string text;
  for (const OptionEntry& positional : command.positionals) text += option_paragraph(positional);
  return text.empty() ? text : fmt::format(".{} ARGUMENTS\n{}", title, text);
}

/// A command in the page of the one above it.
std::string subcommand_section(const CommandEntry& command) {
  std::string text = fmt::format(
      ".SH {}\n{}\n", roff(fmt::format("{}", fmt::join(command.path, " "))), roff(command.summary));
  text += arguments_of(command, "SS");
  if (!command.options.empty()) text += ".SS OPTIONS\n" + options_of(command);
  if (!command.footer.empty()) text += prose(command.footer);
  for (const CommandEntry& below : command.commands) text += subcommand_section(below);
  return text;
}

/// The names that stand behind words in capitals, for the options of this page.
void collect_names(const CommandEntry& command,
                   std::map<std::string, std::vector<std::string>>& names) {
  for (const auto* list : {&command.options, &command.positionals}) {
    for (const OptionEntry& option : *list) {
      const std::string word = option.value.substr(0, option.value.find('|'));
      const bool capitals =
          std::none_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
      if (capitals && !option.choice.words.empty()) names[word] = option.choice.words;
    }
  }
  for (const CommandEntry& below : command.commands) collect_names(below, names);
}

std::string names_section(const CommandEntry& command) {
  std::map<std::string, std::vector<std::string>> names;
  collect_names(command, names);
  std::string text;
  for (const auto& [word, list] : names)
    text +=
        fmt::format(".TP\n{}\n{}\n", italic(word), roff(fmt::format("{}", fmt::join(list, ", "))));
  return text.empty() ? text : ".SH NAMES\nCase and dashes do not matter.\n" + text;
}

std::string page(const CommandEntry& command, const CommandEntry& program,
                 const std::string& version) {
  const std::string name = page_name(command);
  std::string capitals = name;
  std::transform(capitals.begin(), capitals.end(), capitals.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const std::string summary = command.summary.substr(0, command.summary.find('\n'));
  std::string text = fmt::format(
      ".\\\" Made by `detoxml man`.\n.TH {} 1 \"\" \"detoxml {}\" \"User Commands\"\n.nh\n.ad l\n",
      roff(capitals), version);
  text += fmt::format(".SH NAME\n{} \\- {}\n", roff(name), roff(summary));
  text += ".SH SYNOPSIS\n" + synopses(command);
  text += ".SH DESCRIPTION\n" + prose(command.summary);
  text += arguments_of(command, "SH");
  if (command.path.empty()) {
    text += ".SH COMMANDS\n";
    for (const CommandEntry& below : command.commands) {
      text += fmt::format(".TP\n{}(1)\n{}\n", bold(page_name(below)),
                          roff(below.summary.substr(0, below.summary.find('\n'))));
    }
  }
  text += ".SH OPTIONS\n" + options_of(command);
  if (!command.path.empty()) {
    for (const CommandEntry& below : command.commands) text += subcommand_section(below);
    text += names_section(command);
  }
  text += closing_section(command.footer);
  if (command.path.empty()) text += kProgramEnd;
  text += ".SH SEE ALSO\n";
  std::string others;
  for (const CommandEntry& other : program.commands) {
    if (!command.path.empty() && other.path == command.path) continue;
    others += (others.empty() ? "" : ",\n") + bold(page_name(other)) + "(1)";
  }
  if (!command.path.empty())
    others = bold("detoxml") + "(1)" + (others.empty() ? "" : ",\n" + others);
  return text + others + "\n";
}

}  // namespace

std::map<std::string, std::string> manual_pages(const CommandEntry& program,
                                                const std::string& version) {
  std::map<std::string, std::string> pages;
  pages[page_name(program) + ".1"] = page(program, program, version);
  for (const CommandEntry& command : program.commands)
    pages[page_name(command) + ".1"] = page(command, program, version);
  return pages;
}

}  // namespace detox
