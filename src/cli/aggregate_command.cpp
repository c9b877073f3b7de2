// `detoxml aggregate`: one rule on one NumPy file.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/cores.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "cli/command.hpp"
#include "config/rule_file.hpp"
#include "data/numpy/numpy_file.hpp"
#include "detox/aggregator.hpp"
#include "detox/errors.hpp"
#include "stages/aggregate/row_distances.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string mode{kStandardRule};
  RuleOptions options;
  std::vector<double> weights;
  std::string input, output, report;
  std::size_t threads = 0;
  std::uint64_t step = 0, seed = kStandardSeed;
};

constexpr std::string_view kDescription =
    "Reduces the n rows of a NumPy file, of which up to f may be hostile, to one vector by a "
    "robust rule";

constexpr std::string_view kExample =
    "Example:\n"
    "  detoxml aggregate --mode multi-krum --f 5 gradients.npy -o out.npy --report report.json\n"
    "reads an (n, d) array of float16, float32 or float64, writes the (d) result, in double\n"
    "precision where the array has it, and\n"
    "a report of which rows were selected, with their scores, and which stand out and are suspect.";

/// Numbers that JSON does not have become null.
nlohmann::json number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

nlohmann::json numbers(const std::vector<double>& values) {
  nlohmann::json list = nlohmann::json::array();
  for (const double value : values) list.push_back(number(value));
  return list;
}

/// "suspect rows 3 and 7, ..." or that none is; rows count from 0.
std::string about_suspects(const RowDistances& distances) {
  if (distances.suspect.empty()) {
    return distances.most_suspect
               ? fmt::format("no row is suspect, row {} is farthest from the median",
                             *distances.most_suspect)
               : "no row is suspect";
  }
  constexpr std::size_t kMostNamed = 8;
  std::vector<std::size_t> rows;
  for (const auto& suspect : distances.suspect) {
    if (rows.size() < kMostNamed) rows.push_back(suspect.row);
  }
  const std::size_t more = distances.suspect.size() - rows.size();
  return fmt::format("suspect row{} {}{}{}", distances.suspect.size() == 1 ? "" : "s",
                     fmt::join(rows, ", "), more > 0 ? fmt::format(" and {} more", more) : "",
                     distances.suspect.size() > 1 && distances.most_suspect
                         ? fmt::format(", most of all row {}", *distances.most_suspect)
                         : "");
}

nlohmann::json rows_with_reasons(const std::vector<AggregationReport::Rejection>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const AggregationReport::Rejection& row : rows)
    list.push_back({{"row", row.row}, {"reason", row.reason}});
  return list;
}

std::string report_text(const RuleInfo& rule, const RuleOptions& options, const NumpyHeader& header,
                        const AggregationReport& found, const RowDistances& distances) {
  nlohmann::ordered_json report;
  report["rule"] = rule.name;
  if (!rule.file.empty()) report["file"] = rule.file;
  report["n"] = header.n;
  report["d"] = header.d;
  report["f"] = options.f;
  report["pre"] = to_text(options.pre);
  report["semantics"] = word_of(options.semantics);
  report["weight_cap"] = options.weight_cap;
  report["requirement"] = requirement_in(rule, options.semantics).text;
  report["selected"] = found.selected;
  report["not_selected"] = rows_with_reasons(found.rejected);
  report["scores"] = numbers(found.scores);
  report["weights"] = numbers(found.weights);
  report["distances"] = numbers(distances.of_row);
  report["median_distance"] = number(distances.median);
  report["suspect"] = rows_with_reasons(distances.suspect);
  report["most_suspect"] =
      distances.most_suspect ? nlohmann::json(*distances.most_suspect) : nlohmann::json();
  return report.dump(2) + "\n";
}

std::string check_whole(const std::string& text) {
  const bool whole = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return whole ? "" : fmt::format("'{}'; valid: a whole number, at least 0", text.substr(0, 40));
}

/// Whether two paths name one file, through links as well.
bool is_same_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error)) return true;
  return fs::weakly_canonical(a, error) == fs::weakly_canonical(b, error);
}

void check_paths(const Arguments& arguments) {
  if (is_same_file(arguments.input, arguments.output)) {
    throw UsageError(
        fmt::format("-o {}: would overwrite the input; valid: another file", arguments.output));
  }
  if (arguments.report.empty()) return;
  for (const auto& [name, path] :
       {std::pair{"the input", arguments.input}, std::pair{"the result", arguments.output}}) {
    if (is_same_file(arguments.report, path)) {
      throw UsageError(fmt::format("--report {}: would overwrite {}; valid: another file",
                                   arguments.report, name));
    }
  }
}

template <class T>
void aggregate_rows(const Arguments& arguments, const Rows<T>& rows, const RuleInfo& rule,
                    const NumpyHeader& header) {
  constexpr std::size_t kMostThreads = 1024;
  if (arguments.threads > kMostThreads) {
    throw UsageError(fmt::format("--threads {}: valid: 0 to {}", arguments.threads, kMostThreads));
  }
  ThreadPool pool(arguments.threads > 0 ? arguments.threads : usable_cores());
  Workspace workspace;
  AggregationContext context{.pool = pool,
                             .workspace = workspace,
                             .step = arguments.step,
                             .key = key_from_seed(arguments.seed),
                             .weights = arguments.weights};
  AggregationReport report;
  std::vector<T> out(rows.d);
  const std::unique_ptr<Aggregator> aggregator = rule.make(arguments.options);
  aggregator->aggregate(rows, out, context, &report);
  if (!rule.file.empty()) {
    std::vector<T> again(rows.d);
    aggregator->aggregate(rows, again, context);
    check_repeats(rule, out, again);
  }
  write_numpy(arguments.output, out);
  std::string suspects;
  if (!arguments.report.empty()) {
    const RowDistances distances = distances_from_median(rows, pool);
    suspects = "; " + about_suspects(distances);
    try {
      write_text_atomically(arguments.report,
                            report_text(rule, arguments.options, header, report, distances));
    } catch (const Error&) {
      std::error_code ignored;
      fs::remove(arguments.output, ignored);  // both files or none
      throw;
    }
  }
  log_info("{}: {} of {} rows -> {}{}", rule.name,
           report.selected.empty() ? rows.n() : report.selected.size(), rows.n(), arguments.output,
           suspects);
}

/// Another library's definition may run where ours is refused.
void warn_of_weak_requirement(const RuleInfo& rule, RuleOptions options, std::size_t n) {
  const std::string_view word = word_of(std::exchange(options.semantics, Semantics::kPaper));
  const std::string unmet = unmet_requirement(rule, options, n);
  if (!unmet.empty())
    log_warning("by the definition of {} this is no robust result: {}", word, unmet);
}

int run(const Arguments& arguments) {
  const RuleInfo& rule = rule_of(arguments.mode);
  NumpyFile file(arguments.input);
  check_paths(arguments);
  check_requirement(rule, arguments.options, file.header().n);
  warn_of_weak_requirement(rule, arguments.options, file.header().n);
  if (!arguments.weights.empty()) {
    const std::string unmet =
        unmet_weights(rule, arguments.options, arguments.weights, file.header().n);
    if (!unmet.empty()) throw UsageError(fmt::format("--weights: {}", unmet));
  }
  if (file.is_double()) {
    aggregate_rows(arguments, file.double_rows(), rule, file.header());
  } else {
    aggregate_rows(arguments, file.float_rows(), rule, file.header());
  }
  return 0;
}

void add_rule_options(CLI::App& app, const std::shared_ptr<Arguments>& arguments) {
  for (const RuleOption& option : rule_options()) {
    const std::string flag = fmt::format("--{}", option.name);
    app.add_option_function<std::string>(
           flag,
           [arguments, &option, flag](const std::string& text) {
             set_rule_option(option, text, arguments->options, flag);
           },
           rule_option_help(option))
        ->type_name(rule_option_form(option))
        ->default_str(rule_option_text(option, arguments->options));
  }
}

}  // namespace

Command aggregate_command(CLI::App& program) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* app = program.add_subcommand("aggregate", std::string(kDescription));
  app->footer(std::string(kExample));
  const std::function<std::string(const std::string&)> whole = check_whole;
  std::string names;
  for (const RuleInfo& rule : rules()) {
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", rule.name, rule.requirement);
  }
  app->add_option("input", arguments->input, "An (n, d) array in NumPy's format")
      ->required()
      ->type_name("FILE");
  app->add_option("-o,--output", arguments->output, "Where the (d) result goes")
      ->required()
      ->type_name("FILE");
  app->add_option(
         "--mode", arguments->mode,
         "A file with a rule of yours (./my_rule.so), or a rule, and what it needs: " + names)
      ->type_name("RULE|FILE")
      ->capture_default_str();
  add_rule_options(*app, arguments);
  app->add_option("--report", arguments->report, "Also write a report, in JSON")->type_name("FILE");
  app->add_option_function<std::string>(
         "--weights",
         [arguments](const std::string& text) { arguments->weights = parse_weights(text); },
         "What each row counts for, as 120,80,100 (sample counts, say); for " + weighted_rules())
      ->default_str("all the same");
  app->add_option(
         "--step", arguments->step,
         "signSGD: zeros vote by coordinate + step; bucketing and dnc draw by seed and step")
      ->check(whole)
      ->capture_default_str();
  app->add_option("--seed", arguments->seed, "bucketing and dnc draw by seed and step")
      ->check(whole)
      ->capture_default_str();
  app->add_option("--threads", arguments->threads, "0: one a core; results do not depend on it")
      ->check(whole)
      ->capture_default_str();
  return {app, [arguments] { return run(*arguments); }};
}

}  // namespace detox
