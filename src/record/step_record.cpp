#include "record/step_record.hpp"

#include <algorithm>
#include <utility>

#include "base/json_number.hpp"

namespace detox {
namespace {

/// Ascending.
nlohmann::json from_one(std::vector<std::uint32_t> workers) {
  std::ranges::sort(workers);
  nlohmann::json list = nlohmann::json::array();
  for (const std::uint32_t worker : workers) list.push_back(worker + 1);
  return list;
}

}  // namespace

nlohmann::json metrics_line(const StepReport& report, std::optional<std::size_t> corrupted) {
  nlohmann::json seconds;
  for (const auto& [name, phase] : kPhases) seconds[name] = report.seconds.*phase;
  nlohmann::json line = {
      {"step", report.step},
      {"loss", json_number(report.loss)},
      {"accuracy", json_number(report.accuracy)},
      {"lr", report.lr},
      {"seconds", std::move(seconds)},
      {"bytes_in", report.bytes_in},
      {"bytes_out", report.bytes_out},
      {"computed", report.computed()},
      {"resolved", report.assignment.slices() - report.unresolved.size()},
      {"unresolved", report.unresolved.size()},
      {"skipped", !report.skipped_because.empty()},
  };
  if (!report.skipped_because.empty()) line["skipped_because"] = report.skipped_because;
  if (!report.weights_are_finite) line["diverged"] = true;
  if (corrupted) line["corrupted"] = *corrupted;
  return line;
}

nlohmann::json rounds_line(const StepReport& report) {
  nlohmann::json slices = nlohmann::json::array();
  for (std::size_t slice = 0; slice < report.assignment.slices(); ++slice) {
    slices.push_back({{"slice", slice},
                      {"assigned", from_one(report.assignment.workers_of_slice[slice])},
                      {"counted", from_one(report.counted[slice])},
                      {"used", std::ranges::binary_search(report.used, slice)}});
    if (report.away && !report.more[slice].empty())
      slices.back()["more"] = from_one(report.more[slice]);
    if (std::ranges::binary_search(report.computed_by_server, slice))
      slices.back()["server"] = true;
  }
  nlohmann::json line = {
      {"step", report.step}, {"skipped", !report.skipped_because.empty()}, {"slices", slices}};
  if (!report.rejected.empty()) line["rejected"] = report.rejected;
  if (report.away) {
    line["away"] = from_one(*report.away);
    line["put_out"] = report.put_out;
    if (!report.readmitted.empty()) line["readmitted"] = from_one(report.readmitted);
    if (!report.convicted.empty()) line["convicted"] = from_one(report.convicted);
  }
  return line;
}

nlohmann::json ledger_line(const LedgerEntry& entry) {
  nlohmann::json line = {{"step", entry.step},
                         {"slice", entry.slice},
                         {"worker", entry.worker + 1},
                         {"kind", suspicion_name(entry.kind)},
                         {"accusation", is_accusation(entry.kind)}};
  if (entry.proof) {
    line["said"] = hex(entry.proof->said);
    line["truth"] = hex(entry.proof->truth);
    line["arbiter"] = entry.proof->by_server ? "server" : "workers";
  }
  return line;
}

}  // namespace detox
