#include "report/worker_data.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "report/step_series.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;

constexpr std::array<const char*, kSeenKinds> kSeenNames = {"accused", "rejected",  "missing",
                                                            "away",    "convicted", "lied"};

/// Two letters of base64 a code: 12 bits.
std::string code_text(std::span<const LatencyCode> codes) {
  static constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (const LatencyCode code : codes) {
    text += kLetters[code >> 6U & 63U];
    text += kLetters[code & 63U];
  }
  return text;
}

}  // namespace

std::vector<std::uint32_t> worst_first(const WorkerFindings& found) {
  const WorkerHistory& history = found.history;
  std::vector<std::uint32_t> order(history.workers.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto weight = [&](std::uint32_t worker) {
    const WorkerTotals& totals = history.workers[worker];
    return std::tuple(totals.convicted_in > 0, found.suspects.contains(worker),
                      totals.of(Seen::kAccused), totals.of(Seen::kRejected),
                      totals.of(Seen::kMissing), totals.other);
  };
  std::ranges::stable_sort(order, std::greater<>(), weight);
  return order;
}

Json map_json(const WorkerFindings& found, const std::vector<std::uint32_t>& order,
              std::size_t most_cells) {
  const WorkerHistory& history = found.history;
  const std::size_t columns = history.columns.count();
  const std::size_t most = std::max<std::size_t>(1, most_cells / std::max<std::size_t>(1, columns));
  Json rows = Json::array();
  for (const std::uint32_t worker : order) {
    if (rows.size() == most) break;
    Json row = {{"worker", worker + 1}};
    for (std::size_t kind = 0; kind < kSeenKinds; ++kind) {
      std::size_t end = columns;
      while (end > 0 && history.count(static_cast<Seen>(kind), worker, end - 1) == 0) --end;
      if (end == 0) continue;
      Json counts = Json::array();
      for (std::size_t column = 0; column < end; ++column)
        counts.push_back(history.count(static_cast<Seen>(kind), worker, column));
      row[kSeenNames[kind]] = std::move(counts);
    }
    if (found.latency)
      row["latency"] =
          code_text(std::span(found.latency->codes).subspan(worker * columns, columns));
    rows.push_back(std::move(row));
  }
  return {{"first", history.columns.first()},
          {"step", history.columns.ends()},
          {"width", history.columns.width()},
          {"left_out", order.size() - rows.size()},
          {"rows", std::move(rows)}};
}

Json workers_json(const WorkerFindings& found, const std::vector<std::uint32_t>& order) {
  const WorkerHistory& history = found.history;
  const std::optional<LatencyHistory>& latency = found.latency;
  Json workers = Json::array();
  const bool has_rejections = !history.counts[static_cast<std::size_t>(Seen::kRejected)].empty();
  for (const std::uint32_t worker : order) {
    const WorkerTotals& totals = history.workers[worker];
    Json json = {{"worker", worker + 1},
                 {"accused", totals.of(Seen::kAccused)},
                 {"missing", totals.missing},
                 {"late", totals.late},
                 {"other", totals.other}};
    if (found.suspects.contains(worker)) json["suspect"] = true;
    if (totals.convicted_in > 0) json["convicted"] = totals.convicted_in;
    if (history.has_rounds) {
      json["given"] = totals.given;
      json["answers"] = totals.answers;
    }
    std::uint64_t last_seen = totals.last_seen;
    if (latency) {
      const WorkerLatency& times = latency->workers[worker];
      last_seen = std::max(last_seen, times.last_answer);
      if (times.median) json["latency"] = shortened(*times.median);
      if (times.within_95) json["latency_95"] = shortened(*times.within_95);
    }
    if (history.has_rounds || latency) json["last_seen"] = last_seen > 0 ? Json(last_seen) : Json();
    if (has_rejections) json["rejected"] = totals.of(Seen::kRejected);
    if (history.has_truth) json["lied"] = totals.of(Seen::kLied);
    workers.push_back(std::move(json));
  }
  return workers;
}

Json truth_json(const RunSummary& summary, const WorkerHistory& history) {
  if (!summary.detection) return nullptr;
  const Detection& found = *summary.detection;
  Json liars = Json::array();
  for (std::size_t worker = 0; worker < history.workers.size(); ++worker) {
    if (history.workers[worker].ever_lied) liars.push_back(worker + 1);
  }
  const bool only_late = found.lies == 0 && !liars.empty();
  Json json = {{"lies", found.lies}, {"rightly", found.rightly}, {"wrongly", found.wrongly},
               {"liars", liars},     {"only_late", only_late},   {"changes", !found.liars_stay}};
  json["named"] = nullptr;
  if (found.liars_stay && !only_late) {
    json["named"] = {{"liars", found.liars},
                     {"rightly", found.named_rightly},
                     {"wrongly", found.named - found.named_rightly}};
  }
  return json;
}

}  // namespace detox
