#include "experiment/result_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/atomic_file.hpp"
#include "base/csv_field.hpp"
#include "base/json_number.hpp"
#include "experiment/result_cells.hpp"
#include "experiment/result_tables.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;

constexpr int kExperimentFormat = 1;

std::string field_of(double value) { return fmt::format("{}", value); }
std::string field_of(std::uint64_t value) { return fmt::format("{}", value); }
template <class T>
std::string field_of(const std::optional<T>& value) {
  return value ? field_of(*value) : std::string();
}

std::vector<std::uint32_t> from_one(std::vector<std::uint32_t> workers) {
  for (std::uint32_t& worker : workers) ++worker;
  return workers;
}

/// A column of results.csv: empty text where the run has no such number.
struct Column {
  std::string name;
  std::function<std::string(const ResultRow&)> text;
};

bool has_run(const ResultRow& row) { return row.summary.condition != RunCondition::kAbsent; }

void add_evaluation(std::vector<Column>& columns, const std::string& prefix,
                    std::optional<Evaluation> RunSummary::*which) {
  const auto add = [&](const char* name, auto member) {
    columns.push_back({prefix + name, [which, member](const ResultRow& row) {
                         const std::optional<Evaluation>& found = row.summary.*which;
                         return found ? field_of((*found).*member) : std::string();
                       }});
  };
  add("step", &Evaluation::step);
  add("prec1", &Evaluation::prec1);
  add("prec5", &Evaluation::prec5);
  add("loss", &Evaluation::loss);
}

void add_detection(std::vector<Column>& columns) {
  const auto add = [&](const char* name, std::function<std::string(const Detection&)> text) {
    columns.push_back({name, [text = std::move(text)](const ResultRow& row) {
                         const std::optional<Detection>& found = row.summary.detection;
                         return found ? text(*found) : std::string();
                       }});
  };
  const auto of_workers = [](std::size_t Detection::*member) {
    return [member](const Detection& d) {
      return d.liars_stay ? field_of(std::uint64_t{d.*member}) : std::string();
    };
  };
  add("lies", [](const Detection& d) { return field_of(d.lies); });
  add("accused_rightly", [](const Detection& d) { return field_of(d.rightly); });
  add("accused_wrongly", [](const Detection& d) { return field_of(d.wrongly); });
  add("precision_of_lies", [](const Detection& d) { return field_of(d.precision_of_lies()); });
  add("recall_of_lies", [](const Detection& d) { return field_of(d.recall_of_lies()); });
  add("liars", of_workers(&Detection::liars));
  add("named", of_workers(&Detection::named));
  add("named_rightly", of_workers(&Detection::named_rightly));
  add("precision_of_workers",
      [](const Detection& d) { return field_of(d.precision_of_workers()); });
  add("recall_of_workers", [](const Detection& d) { return field_of(d.recall_of_workers()); });
}

void add_convictions(std::vector<Column>& columns) {
  const auto add = [&](const char* name, std::function<std::uint64_t(const Conviction&)> number) {
    columns.push_back({name, [number = std::move(number)](const ResultRow& row) {
                         std::vector<std::uint64_t> numbers;
                         for (const Conviction& one : row.summary.convictions)
                           numbers.push_back(number(one));
                         return fmt::format("{}", fmt::join(numbers, " "));
                       }});
  };
  add("convicted", [](const Conviction& one) { return std::uint64_t{one.worker} + 1; });
  add("convicted_last_in", [](const Conviction& one) { return one.step; });
}

void add_seconds(std::vector<Column>& columns, const std::string& prefix,
                 const std::function<const PhaseSeconds&(const RunSummary&)>& which) {
  for (const auto& [name, phase] : kPhases) {
    columns.push_back({prefix + name, [which, phase = phase](const ResultRow& row) {
                         return has_run(row) ? field_of(which(row.summary).*phase) : std::string();
                       }});
  }
}

std::vector<Column> number_columns() {
  std::vector<Column> columns;
  add_evaluation(columns, "test_", &RunSummary::final_test);
  add_evaluation(columns, "best_test_", &RunSummary::best_test);
  const auto add = [&](const char* name, std::function<std::string(const RunSummary&)> text) {
    columns.push_back({name, [text = std::move(text)](const ResultRow& row) {
                         return has_run(row) ? text(row.summary) : std::string();
                       }});
  };
  add("loss", [](const RunSummary& s) { return field_of(s.training.loss); });
  add("loss_error", [](const RunSummary& s) {
    return s.training.loss ? field_of(s.training.loss_error) : std::string();
  });
  add("accuracy", [](const RunSummary& s) { return field_of(s.training.accuracy); });
  add("steps_counted", [](const RunSummary& s) { return field_of(s.training.steps_counted); });
  add("steps", [](const RunSummary& s) { return field_of(s.training.steps); });
  add("steps_taken", [](const RunSummary& s) { return field_of(s.costs.steps); });
  add("skipped", [](const RunSummary& s) { return field_of(s.skipped); });
  add("slices", [](const RunSummary& s) { return field_of(s.slices); });
  add("unresolved", [](const RunSummary& s) { return field_of(s.unresolved); });
  add("corrupted", [](const RunSummary& s) { return field_of(s.corrupted); });
  add("used", [](const RunSummary& s) { return field_of(s.used); });
  add("computed", [](const RunSummary& s) { return field_of(s.costs.computed); });
  add("answers_a_slice", [](const RunSummary& s) { return field_of(s.answers_a_slice()); });
  add("bytes_in", [](const RunSummary& s) { return field_of(s.costs.bytes_in); });
  add("bytes_out", [](const RunSummary& s) { return field_of(s.costs.bytes_out); });
  add("suspects",
      [](const RunSummary& s) { return fmt::format("{}", fmt::join(from_one(s.suspects), " ")); });
  add_convictions(columns);
  add_detection(columns);
  add_seconds(
      columns, "seconds_", [](const RunSummary& s) -> auto& { return s.costs.seconds; });
  add_seconds(
      columns, "median_seconds_", [](const RunSummary& s) -> auto& { return s.median_seconds; });
  return columns;
}

std::vector<Column> columns_of(const Results& results) {
  std::vector<Column> fixed = {
      {"seed", [](const ResultRow& row) { return field_of(row.seed); }},
      {"state", [](const ResultRow& row) { return std::string(to_string(row.state)); }}};
  for (Column& column : number_columns()) fixed.push_back(std::move(column));
  fixed.push_back({"key", [](const ResultRow& row) { return row.key; }});
  fixed.push_back({"folder", [](const ResultRow& row) { return row.folder.generic_string(); }});
  fixed.push_back({"message", [](const ResultRow& row) { return row.message; }});
  std::vector<Column> columns;
  for (std::size_t axis = 0; axis < results.axes.size(); ++axis) {
    std::string name = results.axes[axis].name;
    for (const Column& column : fixed) {
      if (column.name == results.axes[axis].name) name = "axis " + column.name;
    }
    columns.push_back(
        {std::move(name), [axis](const ResultRow& row) { return row.values.at(axis); }});
  }
  columns.insert(columns.end(), fixed.begin(), fixed.end());
  return columns;
}

Json json_of(const PhaseSeconds& seconds) {
  Json json = Json::object();
  for (const auto& [name, phase] : kPhases) json[name] = json_number(seconds.*phase);
  return json;
}

Json json_of(const std::optional<Evaluation>& evaluation) {
  if (!evaluation) return nullptr;
  return {{"step", evaluation->step},
          {"loss", json_number(evaluation->loss)},
          {"prec1", evaluation->prec1},
          {"prec5", evaluation->prec5}};
}

Json json_of(const Detection& d) {
  Json json = {{"lies", d.lies},
               {"accused_rightly", d.rightly},
               {"accused_wrongly", d.wrongly},
               {"precision_of_lies", json_number(d.precision_of_lies())},
               {"recall_of_lies", json_number(d.recall_of_lies())}};
  if (!d.liars_stay) return json;
  json["liars"] = d.liars;
  json["named"] = d.named;
  json["named_rightly"] = d.named_rightly;
  json["precision_of_workers"] = json_number(d.precision_of_workers());
  json["recall_of_workers"] = json_number(d.recall_of_workers());
  return json;
}

void add_numbers(Json& run, const RunSummary& s) {
  const bool has_loss = s.training.loss.has_value();
  run["test"] = {{"final", json_of(s.final_test)}, {"best", json_of(s.best_test)}};
  run["training"] = {{"steps", s.training.steps},
                     {"steps_counted", s.training.steps_counted},
                     {"loss", json_number(s.training.loss)},
                     {"loss_error", has_loss ? json_number(s.training.loss_error) : Json(nullptr)},
                     {"accuracy", json_number(s.training.accuracy)},
                     {"skipped", s.skipped}};
  run["costs"] = {
      {"steps", s.costs.steps},       {"seconds", json_of(s.costs.seconds)},
      {"computed", s.costs.computed}, {"answers_a_slice", json_number(s.answers_a_slice())},
      {"bytes_in", s.costs.bytes_in}, {"bytes_out", s.costs.bytes_out}};
  run["median_seconds"] = json_of(s.median_seconds);
  run["slices"] = {{"all", s.slices},
                   {"unresolved", s.unresolved},
                   {"used", s.used},
                   {"corrupted", s.corrupted ? Json(*s.corrupted) : Json(nullptr)}};
  run["suspects"] = from_one(s.suspects);
  run["convictions"] = Json::array();
  for (const Conviction& one : s.convictions)
    run["convictions"].push_back({{"worker", one.worker + 1}, {"last_in", one.step}});
  run["detection"] = s.detection ? json_of(*s.detection) : Json(nullptr);
}

}  // namespace

std::string results_csv(const Results& results) {
  const std::vector<Column> columns = columns_of(results);
  std::string text;
  for (const Column& column : columns) text += (text.empty() ? "" : ",") + csv_field(column.name);
  text += "\n";
  for (const ResultRow& row : results.rows) {
    std::string line;
    for (const Column& column : columns)
      line += (&column == &columns.front() ? "" : ",") + csv_field(column.text(row));
    text += line + "\n";
  }
  return text;
}

std::string results_json(const Results& results) {
  Json axes = Json::array(), runs = Json::array();
  for (const ResultAxis& axis : results.axes)
    axes.push_back({{"name", axis.name}, {"values", axis.values}});
  for (const ResultRow& row : results.rows) {
    Json values = Json::object();
    for (std::size_t i = 0; i < results.axes.size(); ++i)
      values[results.axes[i].name] = row.values.at(i);
    Json run = {{"values", values},
                {"seed", row.seed},
                {"state", to_string(row.state)},
                {"key", row.key},
                {"folder", row.folder.generic_string()}};
    if (!row.message.empty()) run["message"] = row.message;
    if (has_run(row)) add_numbers(run, row.summary);
    runs.push_back(std::move(run));
  }
  const Json all = {
      {"format", kExperimentFormat},
      {"name", results.name},
      {"command", results.command},
      {"axes", axes},
      {"compared",
       results.axes.empty() ? Json(nullptr) : Json(results.axes[compared_axis(results)].name)},
      {"runs", runs}};
  return all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void write_results(const std::filesystem::path& dir, const Results& results) {
  write_atomically(dir / "results.csv", results_csv(results));
  write_atomically(dir / "results.json", results_json(results));
  write_atomically(dir / "table.md", table_markdown(results));
  write_atomically(dir / "table.tex", table_latex(results));
}

}  // namespace detox
