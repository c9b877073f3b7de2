// `detoxml report`: runs as one page.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/atomic_file.hpp"
#include "cli/command.hpp"
#include "report/page.hpp"
#include "report/run_data.hpp"

namespace detox {
namespace {

struct ReportArguments {
  std::vector<std::string> runs;
  std::string output = "report.html";
};

int write_report(const ReportArguments& arguments) {
  const std::string page = page_of(report_data(arguments.runs));
  write_atomically(arguments.output, page);
  constexpr double kKilo = 1000;
  fmt::print("{}: {:.0f} kB\n", arguments.output, static_cast<double>(page.size()) / kKilo);
  return 0;
}

}  // namespace

Command report_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("report", "runs as one page, which needs no network");
  auto arguments = std::make_shared<ReportArguments>();
  app->add_option("runs", arguments->runs,
                  "directories of runs, also while they go on; or the folder of an experiment")
      ->required()
      ->type_name("DIR");
  app->add_option("-o,--output", arguments->output, "the page, replaced where it is there")
      ->type_name("FILE")
      ->capture_default_str();
  app->footer(
      "Examples:\n"
      "  detoxml report output/models\n"
      "  detoxml report output/detox output/baseline -o both.html\n"
      "  detoxml report output/compare -o compare.html");
  return {app, [arguments] { return write_report(*arguments); }};
}

}  // namespace detox
