// `detoxml export`: what runs recorded, in other programs' formats.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/atomic_file.hpp"
#include "base/counted.hpp"
#include "base/log.hpp"
#include "base/words.hpp"
#include "cli/command.hpp"
#include "detox/errors.hpp"
#include "record/run_files.hpp"
#include "report/csv.hpp"
#include "report/tensorboard.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTensorboardFooter =
    R"(Each run becomes a folder of DIR, whose name is the run's own. Of steps that a run went back from and took again, the
last ones count. Times are seconds that the run took: choose TensorBoard's axis RELATIVE. To have a run written while it
goes on: detoxml train --tensorboard. Example:
  detoxml export tensorboard output/models -o events && tensorboard --logdir events)";

constexpr const char* kCsvFooter =
    R"(RFC 4180, with the names of the columns in the first line; `run` is the run's folder. What there is not is an empty field.
The columns: docs/reports.md. Examples:
  detoxml export csv output/models -o metrics.csv
  detoxml export csv output/tune/runs/* --what evaluation)";

struct ExportOptions {
  std::vector<std::string> runs;
  std::string output, what = "metrics";
};

struct NamedRun {
  fs::path folder;
  fs::path name;  ///< relative, below nothing
};

/// The path without what leads out of a folder.
fs::path inner_path(const fs::path& path) {
  fs::path inner;
  for (const fs::path& part : path.relative_path()) {
    if (part != ".." && part != "." && !part.empty()) inner /= part;
  }
  return inner;
}

/// Each by its folder's name, or where two have the same by their paths. UsageError where one is
/// given twice, InputError where one is none.
std::vector<NamedRun> named_runs(const std::vector<std::string>& folders) {
  std::vector<NamedRun> runs;
  std::set<fs::path> names;
  for (const std::string& folder : folders) {
    if (!fs::is_regular_file(fs::path(folder) / kConfigFile)) {
      throw InputError(fmt::format("{} holds no run; valid: a --train-dir, which has a {}", folder,
                                   kConfigFile));
    }
    const fs::path whole = fs::weakly_canonical(folder);
    runs.push_back(
        {folder, whole.has_filename() ? whole.filename() : whole.parent_path().filename()});
    names.insert(runs.back().name);
  }
  if (names.size() == runs.size()) return runs;
  names.clear();
  for (NamedRun& run : runs) {
    run.name = inner_path(run.folder.lexically_normal());
    if (!names.insert(run.name).second)
      throw UsageError(fmt::format("{} is given twice", run.folder.string()));
  }
  return runs;
}

int export_to_tensorboard(const ExportOptions& options) {
  const std::vector<NamedRun> runs = named_runs(options.runs);
  for (const NamedRun& run : runs) export_tensorboard(run.folder, options.output / run.name);
  log_info("{} in {}: tensorboard --logdir {}", counted(runs.size(), "run"), options.output,
           shell_line({options.output}));
  return 0;
}

CsvTable table_named(const std::string& what) {
  if (what == "metrics") return CsvTable::kMetrics;
  if (what == "rounds") return CsvTable::kRounds;
  return what == "ledger" ? CsvTable::kLedger : CsvTable::kEvaluation;
}

int export_to_csv(const ExportOptions& options) {
  const std::vector<NamedRun> runs = named_runs(options.runs);
  const CsvTable table = table_named(options.what);
  // A table of rounds may be larger than memory.
  const auto write_to = [&](const FileSink& sink) {
    constexpr std::size_t kPiece = std::size_t{1} << 16U;
    std::string text = csv_header(table);
    for (const NamedRun& run : runs) {
      write_csv(table, run.folder, run.name.string(), [&](std::string_view row) {
        text += row;
        if (text.size() < kPiece) return;
        sink(text);
        text.clear();
      });
    }
    sink(text);
  };
  if (options.output.empty() || options.output == "-") {
    write_to([](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); });
  } else {
    write_atomically(options.output, write_to);
  }
  return 0;
}

void add_runs(CLI::App& app, ExportOptions& options) {
  app.add_option("run", options.runs, "the runs' directories")->required()->type_name("DIR");
}

}  // namespace

Command export_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("export", "what runs recorded, for TensorBoard or as CSV");
  app->require_subcommand(1);
  const auto options = std::make_shared<ExportOptions>();

  CLI::App* board = app->add_subcommand("tensorboard", "event files of TensorBoard");
  add_runs(*board, *options);
  board->add_option("--output-dir,-o", options->output, "where the folders of the runs go")
      ->required()
      ->type_name("DIR");
  board->footer(kTensorboardFooter);

  CLI::App* csv = app->add_subcommand("csv", "a table as CSV");
  add_runs(*csv, *options);
  csv->add_option("--output,-o", options->output, "the file; -: standard output [-]")
      ->type_name("FILE");
  csv->add_option("--what", options->what,
                  "metrics: a row a step; rounds: a row a slice of a step; ledger: a row an "
                  "observation of a worker; evaluation: a row a scored checkpoint")
      ->capture_default_str()
      ->type_name("metrics|rounds|ledger|evaluation")
      ->check(CLI::IsMember({"metrics", "rounds", "ledger", "evaluation"}).description(""));
  csv->footer(kCsvFooter);
  return {app, [board, options] {
            return board->parsed() ? export_to_tensorboard(*options) : export_to_csv(*options);
          }};
}

}  // namespace detox
