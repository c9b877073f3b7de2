#include "review/worker_history.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>

#include "base/json_field.hpp"
#include "base/round_number.hpp"
#include "record/attackers_file.hpp"
#include "record/journal_reader.hpp"
#include "record/ledger.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class HistoryReader {
 public:
  HistoryReader(fs::path folder, std::size_t workers, const RunMetrics& metrics,
                std::size_t most_columns)
      : folder_(std::move(folder)), attempts_(metrics.backs), latest_(workers) {
    history_.workers.resize(workers);
    if (!metrics.steps.empty())
      history_.columns = {metrics.steps.front().step, metrics.steps.back().step, most_columns};
  }

  WorkerHistory take() { return std::move(history_); }

  void read_ledger() {
    JournalReader journal(folder_ / kLedgerFile);
    journal.read_on([&](std::string_view line) {
      const std::optional<Observation> seen = observation(line, history_.workers.size());
      if (!seen) journal.refuse("a run's ledger");
      const std::uint64_t step = step_of_round(seen->round);
      // Who was convicted stays so, also where the run went back because of it.
      if (seen->kind == Suspicion::kConvicted && history_.columns.has(step)) {
        for (const Seen kind : {Seen::kConvicted, Seen::kAccused})
          count_once(kind, seen->worker, step);
        std::uint64_t& convicted = history_.workers[seen->worker].convicted_in;
        convicted = std::max(convicted, step);
      }
      if (stands(seen->round)) add_observation(step, *seen);
    });
  }

  void read_attackers(const std::optional<std::vector<RecordedLies>>& truth) {
    const fs::path file = folder_ / kAttackersFile;
    history_.has_truth = fs::exists(file) || truth.has_value();
    if (!fs::exists(file)) {
      for (const RecordedLies& seen : truth.value_or(std::vector<RecordedLies>())) add_lies(seen);
      return;
    }
    JournalReader journal(file);
    journal.read_on([&](std::string_view line) {
      const std::optional<RecordedLies> seen = recorded_lies(line, history_.workers.size());
      if (!seen) journal.refuse("a run's simulated attackers");
      add_lies(*seen);
    });
  }

  void read_rounds(std::uint64_t read_bytes) {
    const fs::path file = folder_ / kRoundsFile;
    std::error_code none;
    const std::uint64_t size = fs::file_size(file, none);
    if (none) return;
    history_.has_rounds = true;
    const std::uint64_t stride = history_.rounds_stride = 1 + size / read_bytes;
    JournalReader journal(file);
    std::uint64_t passed = 0;
    journal.read_on([&](std::string_view line) {
      passed += line.size() + 1;
      // The last lines say who is there now.
      const bool is_read = journal.line_number() % stride == 0 || passed + kTail > size;
      if (!is_read) return;
      const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      const std::optional<std::uint64_t> round = round_of_line(json);
      if (!round) journal.refuse("a run's rounds");
      if (json.contains("back_from") || !stands(*round)) return;
      try {
        add_round(json, step_of_round(*round), journal.line_number() % stride == 0 ? stride : 0);
      } catch (const std::exception&) {
        journal.refuse("a run's rounds");
      }
    });
  }

 private:
  static constexpr std::uint64_t kTail = 1U << 20U;
  static constexpr std::size_t kRemembered = 4;

  bool stands(std::uint64_t round) const {
    return history_.columns.has(step_of_round(round)) &&
           attempts_.stands(step_of_round(round), attempt_of_round(round));
  }

  void count(Seen kind, std::uint32_t worker, std::uint64_t step, std::uint64_t steps) {
    const auto at = static_cast<std::size_t>(kind);
    std::vector<std::uint32_t>& counts = history_.counts[at];
    const std::size_t columns = history_.columns.count();
    if (counts.empty()) counts.resize(history_.workers.size() * columns);
    history_.workers[worker].steps[at] += steps;
    counts[worker * columns + history_.columns.of(step)] += static_cast<std::uint32_t>(steps);
  }

  /// Several entries about a step are near each other: late ones come up to two steps behind.
  void count_once(Seen kind, std::uint32_t worker, std::uint64_t step) {
    auto& latest = latest_[worker][static_cast<std::size_t>(kind)];
    if (std::ranges::find(latest, step) != latest.end()) return;
    std::rotate(latest.begin(), latest.end() - 1, latest.end());
    latest.front() = step;
    count(kind, worker, step, 1);
  }

  void add_lies(const RecordedLies& seen) {
    for (const std::uint32_t worker : seen.lies.attackers) {
      history_.workers[worker].ever_lied = true;
      if (stands(seen.round)) count(Seen::kLied, worker, step_of_round(seen.round), 1);
    }
  }

  void add_observation(std::uint64_t step, const Observation& seen) {
    WorkerTotals& totals = history_.workers[seen.worker];
    if (is_held_against(seen.kind)) count_once(Seen::kAccused, seen.worker, step);
    switch (seen.kind) {
      case Suspicion::kMissing:
        ++totals.missing;
        return count_once(Seen::kMissing, seen.worker, step);
      case Suspicion::kLateAgree:
      case Suspicion::kLateOutvoted:
        ++totals.late;
        count_once(Seen::kMissing, seen.worker, step);
        break;
      case Suspicion::kUndelivered:
      case Suspicion::kBadRelay:
        ++totals.other;
        return;
      default:
        break;
    }
    totals.last_seen = std::max(totals.last_seen, step);
  }

  std::uint32_t worker_of(const Json& entry) const {
    std::uint32_t worker = 0;
    read_json(entry, worker);
    if (worker < 1 || worker > history_.workers.size()) throw std::out_of_range("no worker");
    return worker - 1;
  }

  /// `steps`: that it stands for, itself among them; 0: it says who is there, and counts for none.
  void add_round(const Json& json, std::uint64_t step, std::uint64_t steps) {
    std::vector<std::uint64_t> rejected;  // slices
    if (const auto found = json.find("rejected"); found != json.end()) read_json(*found, rejected);
    std::vector<std::uint32_t> left_out;
    for (const Json& slice : json.at("slices")) {
      for (const Json& entry : slice.at("assigned"))
        history_.workers[worker_of(entry)].given += steps > 0 ? 1 : 0;
      std::uint64_t number = 0;
      if (!rejected.empty()) read_field(slice, "slice", number);
      bool is_used = false;
      read_field(slice, "used", is_used);
      const bool is_left_out = std::ranges::find(rejected, number) != rejected.end();
      for (const Json& entry : slice.at("counted")) {
        const std::uint32_t worker = worker_of(entry);
        if (is_left_out) left_out.push_back(worker);
        WorkerTotals& totals = history_.workers[worker];
        totals.answers += steps > 0 ? 1 : 0;
        totals.used += steps > 0 && is_used ? 1 : 0;
        totals.left_out += steps > 0 && is_left_out ? 1 : 0;
        totals.last_seen = std::max(totals.last_seen, step);
      }
    }
    if (steps == 0) return;
    std::ranges::sort(left_out);
    left_out.erase(std::unique(left_out.begin(), left_out.end()), left_out.end());
    for (const std::uint32_t worker : left_out) count(Seen::kRejected, worker, step, steps);
    if (const auto away = json.find("away"); away != json.end()) {
      for (const Json& entry : *away) count(Seen::kAway, worker_of(entry), step, steps);
    }
  }

  fs::path folder_;
  StandingAttempts attempts_;
  std::vector<std::array<std::array<std::uint64_t, kRemembered>, kSeenKinds>> latest_;
  WorkerHistory history_;
};

}  // namespace

bool StandingAttempts::stands(std::uint64_t step, std::uint64_t attempt) const {
  for (auto back = backs_.rbegin(); back != backs_.rend(); ++back) {
    if (step > back->to) return attempt == back->attempt;
  }
  return backs_.empty() || attempt < backs_.front().attempt;
}

WorkerHistory read_worker_history(const fs::path& folder, std::size_t workers,
                                  const RunMetrics& metrics, std::size_t most_columns,
                                  const std::optional<std::vector<RecordedLies>>& truth,
                                  std::uint64_t read_bytes) {
  HistoryReader reader(folder, workers, metrics, most_columns);
  reader.read_ledger();
  reader.read_attackers(truth);
  reader.read_rounds(read_bytes);
  return reader.take();
}

}  // namespace detox
