// Tables before they are Markdown, LaTeX or text.
#pragma once

#include <string>
#include <vector>

#include "experiment/result_rows.hpp"

namespace detox {

/// A number with its spread, and words: either may be empty.
struct TableCell {
  std::string number, spread, words;
  bool is_bold = false;
};

struct ResultTable {
  std::string title;              ///< empty where there is one of its kind
  std::string column_axis;        ///< whose values the columns are; empty: each its own
  std::vector<std::string> head;  ///< of all columns
  std::size_t labels = 0;         ///< columns that name a row; the others hold cells
  struct Row {
    std::vector<std::string> labels;
    std::vector<TableCell> cells;
  };
  std::vector<Row> rows;
};

/// The compared axis × the last of the others, a table for each combination of those that remain;
/// none where there are fewer than two axes.
std::vector<ResultTable> crossed_tables(const Results& results);

/// A row a combination.
ResultTable long_table(const Results& results);

/// What the numbers are: sentences.
std::vector<std::string> table_notes(const Results& results, bool is_crossed);

/// What was refused or failed, and why: a line for each reason.
std::vector<std::string> unfinished_lines(const Results& results);

}  // namespace detox
