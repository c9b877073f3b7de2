// What a run recorded as one tidy table (RFC 4180), for spreadsheets, R and pandas.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace detox {

enum class CsvTable {
  kMetrics,     ///< a row a step
  kRounds,      ///< a row a slice of a step
  kLedger,      ///< a row an observation
  kEvaluation,  ///< a row a scored checkpoint
};

using CsvSink = std::function<void(std::string_view text)>;

/// The names of the columns, as a line. The first one is `run`.
std::string csv_header(CsvTable table);

/// The rows of the run in this directory, the steps that stand, with `name` in the first column.
/// What there is not is an empty field; what is not finite is nan, inf or -inf. InputError where a
/// file is not as a run writes it.
void write_csv(CsvTable table, const std::filesystem::path& run, const std::string& name,
               const CsvSink& sink);

}  // namespace detox
