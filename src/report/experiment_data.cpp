#include "report/experiment_data.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/json_field.hpp"
#include "detox/errors.hpp"
#include "record/run_files.hpp"
#include "report/run_data.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kResults = "results.json";
constexpr std::size_t kMostFigureBytes = 500'000, kMostRunBytes = 1'200'000;

struct Axis {
  std::string name;
  std::vector<std::string> values;
};

/// A combination of values with a seed.
struct Row {
  std::vector<std::string> values;
  std::string state, folder;
  Json shown;  ///< what the page has of it
};

/// The number at the end of a way through objects; null where there is none, or no number.
Json number_at(const Json& object, const std::vector<const char*>& way) {
  const Json* at = &object;
  for (const char* name : way) {
    const auto found = at->is_object() ? at->find(name) : at->end();
    if (!at->is_object() || found == at->end()) return nullptr;
    at = &*found;
  }
  return at->is_number() ? *at : Json(nullptr);
}

std::vector<Axis> axes_of(const Json& results) {
  std::vector<Axis> axes;
  for (const Json& entry : results.at("axes")) {
    Axis axis;
    read_field(entry, "name", axis.name);
    read_field(entry, "values", axis.values);
    axes.push_back(std::move(axis));
  }
  return axes;
}

Row row_of(const Json& entry, const std::vector<Axis>& axes) {
  Row row;
  std::uint64_t seed = 0;
  for (const Axis& axis : axes) {
    std::string value;
    read_field(entry.at("values"), axis.name.c_str(), value);
    row.values.push_back(std::move(value));
  }
  read_field(entry, "seed", seed);
  read_field(entry, "state", row.state);
  read_field(entry, "folder", row.folder);
  row.shown = {{"values", row.values}, {"seed", seed}, {"state", row.state}, {"run", nullptr}};
  if (entry.contains("message")) row.shown["message"] = entry.at("message");
  const Json prec1 = number_at(entry, {"test", "final", "prec1"});
  row.shown["test_accuracy"] = prec1.is_null() ? prec1 : Json(prec1.get<double>() / 100);
  row.shown["loss"] = number_at(entry, {"training", "loss"});
  row.shown["seconds"] = number_at(entry, {"costs", "seconds", "total"});
  row.shown["slices"] = number_at(entry, {"slices", "all"});
  row.shown["corrupted"] = number_at(entry, {"slices", "corrupted"});
  row.shown["precision"] = number_at(entry, {"detection", "precision_of_lies"});
  row.shown["recall"] = number_at(entry, {"detection", "recall_of_lies"});
  return row;
}

/// Below the experiment's folder, as it writes them; empty for what leads elsewhere.
std::optional<fs::path> place_of(const fs::path& dir, const std::string& folder) {
  const fs::path relative = fs::path(folder).lexically_normal();
  if (folder.empty() || relative.is_absolute() || relative.begin()->string() == "..")
    return std::nullopt;
  return dir / relative;
}

/// Pictures in the experiment's folder, as data: an SVG that is a picture runs no script.
Json figures_of(const fs::path& dir) {
  static constexpr std::array<std::pair<const char*, const char*>, 4> kFigures = {{
      {"heatmap", "each combination; the worst attack of each row is marked"},
      {"points", "each combination, with its spread over seeds"},
      {"curves_accuracy", "test accuracy over steps, with its spread over seeds"},
      {"curves_loss", "training loss over steps, with its spread over seeds"},
  }};
  Json figures = Json::array();
  for (const auto& [name, says] : kFigures) {
    for (const auto& [ending, type] : {std::pair{"svg", "svg+xml"}, std::pair{"png", "png"}}) {
      const fs::path file = dir / fmt::format("{}.{}", name, ending);
      std::error_code none;
      const std::uintmax_t size = fs::file_size(file, none);
      if (none || size > kMostFigureBytes) continue;
      figures.push_back(
          {{"name", says},
           {"source", fmt::format("data:image/{};base64,{}", type, base64(read_file(file)))}});
      break;
    }
  }
  return figures;
}

std::string label_of(const Row& row) {
  return fmt::format("{}{}seed {}", fmt::join(row.values, ", "), row.values.empty() ? "" : ", ",
                     row.shown["seed"].get<std::uint64_t>());
}

/// Each run once, by the first combination that has it.
Json runs_of(const fs::path& dir, std::vector<Row>& rows) {
  const ReportDetail detail = ReportDetail::for_runs(rows.size());
  std::map<std::string, std::string> names;  // by folder
  std::set<std::string> labels;
  Json runs = Json::array();
  std::size_t bytes = 0;
  for (Row& row : rows) {
    if (const auto known = names.find(row.folder); known != names.end()) {
      row.shown["run"] = known->second;
      continue;
    }
    const std::optional<fs::path> place = place_of(dir, row.folder);
    if (!place || !fs::exists(*place / kConfigFile)) continue;
    std::string label = label_of(row);
    while (!labels.insert(label).second) label += " again";
    Json run = run_data(*place, label, detail);
    bytes += run.dump().size();
    if (bytes > kMostRunBytes) leave_curves_alone(run);
    row.shown["run"] = names[row.folder] = label;
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace

bool holds_experiment(const fs::path& folder) {
  return fs::is_regular_file(folder / kResults) && !fs::exists(folder / kConfigFile);
}

Json experiment_data(const fs::path& folder, const std::string& name) {
  const fs::path file = folder / kResults;
  const std::vector<std::byte> bytes = read_file(file);
  const Json results = Json::parse(text_of(bytes), nullptr, /*allow_exceptions=*/false);
  Json experiment = {{"folder", name}, {"axes", Json::array()}, {"rows", Json::array()}};
  std::vector<Row> rows;
  try {
    if (!results.is_object()) throw std::invalid_argument("no object");
    std::string title, command;
    read_field(results, "name", title);
    read_field(results, "command", command);
    experiment["title"] = title;
    experiment["command"] = command;
    experiment["compared"] = results.contains("compared") ? results.at("compared") : Json();
    const std::vector<Axis> axes = axes_of(results);
    for (const Axis& axis : axes)
      experiment["axes"].push_back({{"name", axis.name}, {"values", axis.values}});
    for (const Json& entry : results.at("runs")) rows.push_back(row_of(entry, axes));
  } catch (const std::exception&) {
    throw InputError(fmt::format("{}: is no results of an experiment", file.string()));
  }
  experiment["figures"] = figures_of(folder);
  Json runs = runs_of(folder, rows);
  for (Row& row : rows) experiment["rows"].push_back(std::move(row.shown));
  return {{"experiment", std::move(experiment)}, {"runs", std::move(runs)}};
}

}  // namespace detox
