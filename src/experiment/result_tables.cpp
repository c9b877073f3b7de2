#include "experiment/result_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/columns.hpp"
#include "experiment/table_model.hpp"

namespace detox {
namespace {

/// One line, without control characters.
std::string on_a_line(std::string text) {
  for (char& c : text) {
    if (std::iscntrl(static_cast<unsigned char>(c)) != 0) c = ' ';
  }
  return text;
}

bool is_word(std::string_view text, std::size_t place) {
  return place < text.size() && std::isalnum(static_cast<unsigned char>(text[place])) != 0;
}

std::string in_markdown(const std::string& text) {
  std::string escaped;
  const std::string line = on_a_line(text);
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    // An underscore within a word is one.
    const bool is_inner = c == '_' && i > 0 && is_word(line, i - 1) && is_word(line, i + 1);
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else {
      if (std::string_view("\\`*_|[]#~$").find(c) != std::string_view::npos && !is_inner)
        escaped += '\\';
      escaped += c;
    }
  }
  return escaped;
}

std::string in_latex(const std::string& text) {
  std::string escaped;
  for (const char c : on_a_line(text)) {
    switch (c) {
      case '&':
      case '%':
      case '$':
      case '#':
      case '_':
      case '{':
      case '}':
        escaped += fmt::format("\\{}", c);
        break;
      case '\\':
        escaped += "\\textbackslash{}";
        break;
      case '~':
        escaped += "\\textasciitilde{}";
        break;
      case '^':
        escaped += "\\textasciicircum{}";
        break;
      case '<':
        escaped += "\\textless{}";
        break;
      case '>':
        escaped += "\\textgreater{}";
        break;
      case '|':
        escaped += "\\textbar{}";
        break;
      case '"':
        escaped += "\\textquotedblright{}";  // OT1 has no straight one
        break;
      case '\'':
        escaped += "\\textquotesingle{}";
        break;
      case '`':
        escaped += "\\textasciigrave{}";
        break;
      case '[':  // behind \\ and \midrule these two would be its option
      case '*':
        escaped += fmt::format("{{{}}}", c);
        break;
      default:
        escaped += c;
    }
  }
  // Two are no dash; and what the encodings of old engines lack.
  for (const auto& [sign, command] :
       {std::pair{"--", "-{}-"}, {"±", "$\\pm$"}, {"–", "\\textendash{}"}}) {
    for (std::size_t at = 0; (at = escaped.find(sign, at)) != std::string::npos;)
      escaped.replace(at, std::string_view(sign).size(), command);
  }
  return escaped;
}

std::string number_of(const TableCell& cell) {
  return cell.spread.empty() ? cell.number : fmt::format("{} ± {}", cell.number, cell.spread);
}

std::string both(const std::string& number, const std::string& words) {
  return number.empty() || words.empty() ? number + words : fmt::format("{} {}", number, words);
}

std::string cell_in_markdown(const TableCell& cell) {
  std::string number = number_of(cell);
  if (cell.is_bold) number = fmt::format("**{}**", number);
  return both(number, in_markdown(cell.words));
}

std::string cell_in_latex(const TableCell& cell) {
  std::string number = cell.number;
  if (!cell.spread.empty()) number += " \\pm " + cell.spread;
  if (cell.is_bold) number = fmt::format("\\mathbf{{{}}}", number);
  if (!number.empty()) number = fmt::format("${}$", number);
  return both(number, in_latex(cell.words));
}

std::string markdown_row(const std::vector<std::string>& fields) {
  std::string row = "|";
  for (const std::string& field : fields) row += fmt::format(" {} |", field);
  return row + "\n";
}

std::string table_in_markdown(const ResultTable& table) {
  std::vector<std::string> head, rule;
  for (const std::string& name : table.head) {
    head.push_back(in_markdown(name));
    rule.emplace_back(rule.size() < table.labels ? "---" : "---:");
  }
  std::string text = markdown_row(head) + markdown_row(rule);
  for (const ResultTable::Row& row : table.rows) {
    std::vector<std::string> fields;
    for (const std::string& label : row.labels) fields.push_back(in_markdown(label));
    for (const TableCell& cell : row.cells) fields.push_back(cell_in_markdown(cell));
    text += markdown_row(fields);
  }
  return text;
}

std::string latex_row(const std::vector<std::string>& fields) {
  std::string row;
  for (const std::string& field : fields)
    row += fmt::format("{}{}", row.empty() ? "" : " & ", field);
  return row + " \\\\\n";
}

std::string table_in_latex(const ResultTable& table) {
  const std::size_t columns = table.head.size();
  std::string text =
      fmt::format("\\begin{{tabular}}{{{}{}}}\n\\toprule\n", std::string(table.labels, 'l'),
                  std::string(columns - table.labels, 'r'));
  if (!table.column_axis.empty()) {
    text += fmt::format(" & \\multicolumn{{{}}}{{c}}{{{}}} \\\\\n\\cmidrule(lr){{2-{}}}\n",
                        columns - 1, in_latex(table.column_axis), columns);
  }
  std::vector<std::string> head;
  for (const std::string& name : table.head) head.push_back(in_latex(name));
  text += latex_row(head) + "\\midrule\n";
  for (const ResultTable::Row& row : table.rows) {
    std::vector<std::string> fields;
    for (const std::string& label : row.labels) fields.push_back(in_latex(label));
    for (const TableCell& cell : row.cells) fields.push_back(cell_in_latex(cell));
    text += latex_row(fields);
  }
  return text + "\\bottomrule\n\\end{tabular}\n";
}

/// The labels, and columns from `first` on that fit.
std::string part_in_text(const ResultTable& table, std::size_t& first, std::size_t width) {
  std::vector<std::vector<std::string>> rows(table.rows.size() + 1);
  for (std::size_t label = 0; label < table.labels; ++label) {
    rows[0].push_back(on_a_line(table.head[label]));
    for (std::size_t row = 0; row < table.rows.size(); ++row)
      rows[row + 1].push_back(on_a_line(table.rows[row].labels[label]));
  }
  const auto add_column = [&](std::size_t column) {
    rows[0].push_back(on_a_line(table.head[table.labels + column]));
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      const TableCell& cell = table.rows[row].cells[column];
      rows[row + 1].push_back(both(number_of(cell) + (cell.is_bold ? "*" : ""), cell.words));
    }
  };
  const auto widest = [&] {
    std::size_t most = 0;
    const std::string text = in_columns(rows);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      most = std::max(most, width_of(std::string_view(text).substr(begin, end - begin)));
      begin = end + 1;
    }
    return most;
  };
  const std::size_t columns = table.head.size() - table.labels;
  for (const std::size_t begin = first; first < columns; ++first) {
    add_column(first);
    if (first == begin || widest() <= width) continue;
    for (std::vector<std::string>& row : rows) row.pop_back();
    break;
  }
  return in_columns(rows);
}

std::string table_in_text(const ResultTable& table, std::size_t width) {
  std::string text;
  const std::size_t columns = table.head.size() - table.labels;
  for (std::size_t first = 0; first < columns;)
    text += (text.empty() ? "" : "\n") + part_in_text(table, first, width);
  return text;
}

}  // namespace

std::string table_markdown(const Results& results) {
  std::string text = fmt::format("# {}\n\n", in_markdown(results.name));
  if (!results.command.empty()) text += fmt::format("    {}\n\n", on_a_line(results.command));
  for (const ResultTable& table : crossed_tables(results)) {
    if (!table.title.empty()) text += fmt::format("## {}\n\n", in_markdown(table.title));
    text += table_in_markdown(table) + "\n";
  }
  const bool is_crossed = results.axes.size() > 1;
  for (const std::string& note : table_notes(results, is_crossed)) text += note + "\n";
  const std::vector<std::string> lines = unfinished_lines(results);
  if (is_crossed) text += "\n## All numbers\n";
  text += "\n" + table_in_markdown(long_table(results));
  if (!lines.empty()) text += "\n";
  for (const std::string& line : lines) text += fmt::format("* {}\n", in_markdown(line));
  return text;
}

std::string table_latex(const Results& results) {
  std::string text = fmt::format(
      "% {}\n% needs \\usepackage{{booktabs}} and, for umlauts in "
      "names, an input encoding of UTF-8\n",
      on_a_line(results.name));
  if (!results.command.empty()) text += fmt::format("% {}\n", on_a_line(results.command));
  const bool is_crossed = results.axes.size() > 1;
  std::vector<ResultTable> tables = crossed_tables(results);
  tables.push_back(long_table(results));
  for (const ResultTable& table : tables) {
    const bool is_long = &table == &tables.back();
    text += is_long ? "\n\\par\\medskip\n{\\footnotesize\\setlength{\\tabcolsep}{3pt}\n" : "\n";
    if (!table.title.empty()) text += fmt::format("\\paragraph{{{}}}\n", in_latex(table.title));
    text += table_in_latex(table) + (is_long ? "}\n" : "");
  }
  text += "\n\\par\\smallskip\n{\\footnotesize\n";
  for (const std::string& note : table_notes(results, is_crossed)) text += in_latex(note) + "\n";
  for (const std::string& line : unfinished_lines(results))
    text += fmt::format("\n{}\n", in_latex(line));
  return text + "}\n";
}

std::string table_text(const Results& results, std::size_t width) {
  std::vector<ResultTable> tables = crossed_tables(results);
  const bool is_crossed = !tables.empty();
  if (!is_crossed) tables.push_back(long_table(results));
  std::string text;
  for (const ResultTable& table : tables) {
    if (!text.empty()) text += "\n";
    if (!table.title.empty()) text += on_a_line(table.title) + "\n";
    text += table_in_text(table, width);
  }
  text += "\n";
  for (std::string note : table_notes(results, is_crossed)) {
    if (note.starts_with("Bold:")) note.replace(0, 5, "*:");
    text += note + "\n";
  }
  for (const std::string& line : unfinished_lines(results)) text += on_a_line(line) + "\n";
  return text;
}

}  // namespace detox
