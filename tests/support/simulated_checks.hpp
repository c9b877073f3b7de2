// What has to hold after every simulated job, whoever lied, died or was late in it.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "record/latency_file.hpp"
#include "support/simulated_run.hpp"

namespace detox {

/// One finished job. Workers count from 0, as in the records that are read here once.
class SimulatedChecks {
 public:
  SimulatedChecks(const SimulatedJob& job, const SimulatedOutcome& outcome,
                  std::filesystem::path directory)
      : job_(job), outcome_(outcome), directory_(std::move(directory)) {}

  /// Lines about what does not hold; none where all is well.
  std::vector<std::string> run() {
    check_everybody_ends();
    check_nobody_is_shut_out();
    check_admission();
    check_deadlines();
    if (was_planned()) {
      Options options = job_.options;
      options["workers"] = std::to_string(outcome_.admitted.size());
      const ToyRun recorded(directory_, options);
      read_steps(recorded);
      check_latencies();
      is_arbitrated_ = recorded.plan().arbitrated.has_value();
      too_many_liars_ = std::ranges::any_of(steps_, [&](const Step& step) {
        return static_cast<std::size_t>(std::ranges::count(step.liars, true)) > recorded.plan().q;
      });
      check_end();
      if (!recorded.plan().arbitrated) check_majorities(recorded);
      read_ledger(recorded);
      check_accusations();
      if (!recorded.plan().arbitrated) check_nobody_goes_unnamed();
      check_deeds();
      if (options.contains("heal") && options.at("evict-after") == "1") check_healed(recorded);
      check_replay(options);
    }
    return std::move(found_);
  }

  /// Afterwards: steps that could not be defended.
  std::size_t skipped() const {
    return static_cast<std::size_t>(std::ranges::count(steps_, true, &Step::skipped));
  }
  /// Likewise: kinds of entries in the ledger.
  std::set<std::string> kinds() const {
    std::set<std::string> kinds;
    for (const auto& [of, entries] : ledger_) kinds.insert(entries.begin(), entries.end());
    return kinds;
  }

 private:
  struct Slice {
    std::vector<std::uint32_t> assigned, counted;
    bool liars_own = false, healthy_own = false;
  };
  struct Step {
    bool skipped = false;
    std::vector<Slice> slices;
    std::vector<bool> liars;
  };
  // Beyond a deadline: the longest time between two looks, and what comes in then.
  static constexpr double kSlackSeconds = 0.3;

  template <class... Args>
  void complain(fmt::format_string<Args...> format, Args&&... args) {
    found_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  int rank_of(std::uint32_t worker) const { return outcome_.admitted[worker]; }

  /// A run of fewer workers than were started may be one that cannot be defended.
  bool was_planned() const { return !outcome_.steps.empty(); }

  void check_everybody_ends() {
    if (outcome_.was_cut_off) complain("somebody still waited when the simulated time was over");
    for (std::size_t rank = 1; rank < outcome_.end_s.size(); ++rank) {
      const int number = static_cast<int>(rank);
      if (!job_.is_healthy(number) || !outcome_.end_s[rank]) continue;
      const double after_s = *outcome_.end_s[rank] - outcome_.server_end_s;
      if (after_s > 1 + 64 * job_.compute_s[rank])
        complain("rank {} ended {:.3f} s after the server", rank, after_s);
    }
  }

  void check_nobody_is_shut_out() {
    for (const auto& [by, rank] : outcome_.shut_out) {
      if (!job_.hostile.contains(by) && !job_.hostile.contains(rank))
        complain("rank {} shut out rank {}, and both are honest", by, rank);
    }
  }

  void check_admission() {
    if (!was_planned()) check_refusal();
    const double paused_s = pauses_of(0);
    if (outcome_.admitted_s > job_.start_timeout_s + paused_s + kSlackSeconds)
      complain("the workers were admitted after {:.3f} s", outcome_.admitted_s);
    if (outcome_.admitted.empty()) return;
    for (int rank = 1; rank <= static_cast<int>(job_.workers); ++rank) {
      if (job_.is_healthy(rank) &&
          std::ranges::find(outcome_.admitted, rank) == outcome_.admitted.end())
        complain("rank {}, of which nothing is wrong, was not admitted", rank);
    }
  }

  /// There are too few, or no run of those who are left can be defended.
  void check_refusal() {
    std::size_t healthy = 0;
    for (int rank = 1; rank <= static_cast<int>(job_.workers); ++rank)
      healthy += job_.is_healthy(rank) ? 1 : 0;
    const std::size_t q = std::stoul(job_.options.at("assume-fail"));
    const bool are_few = outcome_.error.starts_with("the workers that are left are too few");
    if (are_few ? healthy < job_.workers : healthy + q < job_.workers) return;
    complain("the run did not start: {}", outcome_.error);
  }

  double pauses_of(int rank) const {
    double seconds = 0;
    for (const SimulatedJob::Pause& pause : job_.pauses)
      seconds += pause.rank == rank ? pause.seconds : 0;
    return seconds;
  }

  void check_deadlines() {
    for (const SimulatedStep& step : outcome_.steps) {
      if (step.limit_s > job_.start_timeout_s)
        complain("step {} had a deadline of {:.3f} s", step.step, step.limit_s);
      const double took_s = step.end_s - step.begin_s;
      if (took_s > step.limit_s + step.paused_s + kSlackSeconds)
        complain("step {} took {:.3f} s, its deadline was {:.3f} s", step.step, took_s,
                 step.limit_s);
    }
  }

  void read_steps(const ToyRun& run) {
    for (const nlohmann::json& line : run.journal("rounds.jsonl")) {
      if (line.contains("back_from")) continue;
      Step step;
      step.skipped = line["skipped"];
      std::vector<std::vector<std::uint32_t>> lists;
      for (const nlohmann::json& entry : line["slices"]) {
        Slice slice;
        for (const std::uint32_t worker : entry["assigned"]) slice.assigned.push_back(worker - 1);
        for (const std::uint32_t worker : entry["counted"]) slice.counted.push_back(worker - 1);
        lists.push_back(slice.assigned);
        step.slices.push_back(std::move(slice));
      }
      step.liars =
          run.byzantine(line["step"], assignment_of(std::move(lists), outcome_.admitted.size()));
      for (std::uint32_t worker = 0; worker < step.liars.size(); ++worker)
        step.liars[worker] = step.liars[worker] || job_.hostile.contains(rank_of(worker));
      for (Slice& slice : step.slices) judge(step, slice);
      const auto number = line["step"].get<std::size_t>();  // taken again, maybe
      steps_.resize(std::max(steps_.size(), number));
      steps_[number - 1] = std::move(step);
    }
  }

  /// Who counted has answered, and that is not longer ago than the step's deadline allows.
  void check_latencies() {
    const RecordedLatency recorded(directory_ / "latency.bin");
    std::vector<LatencyCode> codes(recorded.workers());
    std::uint64_t next = 1;
    for (const RecordedLatency::Step& step : recorded.steps()) {
      if (step.step != next++) complain("latency.bin has step {} after {}", step.step, next - 2);
      recorded.read(step, codes);
      for (const Slice& slice : steps_.at(step.step - 1).slices) {
        for (const std::uint32_t worker : slice.counted) {
          const double seconds = latency_seconds(codes[worker]);
          if (!(seconds <= job_.start_timeout_s + pauses_of(0) + kSlackSeconds))
            complain("step {}: worker {} counted after {} s", step.step, worker, seconds);
        }
      }
    }
    if (recorded.steps().empty()) complain("latency.bin has no step");
  }

  /// Nothing stands that only those have said who are out.
  void check_healed(const ToyRun& run) {
    std::vector<nlohmann::json> standing;
    std::set<std::uint64_t> out;
    for (const nlohmann::json& line : run.journal("rounds.jsonl")) {
      if (line.contains("back_from")) {
        while (!standing.empty() && standing.back()["step"] > line["step"]) standing.pop_back();
        continue;
      }
      standing.push_back(line);
      for (const std::uint64_t worker : line.value("convicted", std::vector<std::uint64_t>())) {
        if (out.size() < run.plan().q) out.insert(worker);
      }
    }
    for (const nlohmann::json& line : standing) {
      for (const nlohmann::json& slice : line["slices"]) {
        const std::set<std::uint64_t> counted = slice["counted"];
        if (slice["used"].get<bool>() && !slice.contains("server") &&
            std::ranges::includes(out, counted))
          complain("step {} stands on what those said who are out", line["step"].dump());
      }
    }
  }

  void judge(const Step& step, Slice& slice) const {
    std::size_t liars = 0, healthy = 0;
    for (const std::uint32_t worker : slice.assigned) {
      liars += step.liars[worker] ? 1 : 0;
      healthy +=
          !was_late(worker) && !step.liars[worker] && job_.is_healthy(rank_of(worker)) ? 1 : 0;
    }
    slice.liars_own = 2 * liars > slice.assigned.size();
    slice.healthy_own = 2 * healthy > slice.assigned.size();
  }

  /// An honest one that played a straggler lately: the server may not wait for it yet.
  bool was_late(std::uint32_t worker) const {
    if (job_.options.at("err-mode") != "straggler") return false;
    constexpr std::size_t kUntilAwaited = 3;
    const std::size_t first = steps_.size() - std::min(steps_.size(), kUntilAwaited);
    return std::any_of(steps_.begin() + static_cast<std::ptrdiff_t>(first), steps_.end(),
                       [&](const Step& step) { return step.liars[worker]; });
  }

  bool all_healthy(const Step& step) const {
    return std::ranges::all_of(step.slices, &Slice::healthy_own);
  }

  void check_end() {
    if (outcome_.end == RunEnd::kFinished) return;
    if (outcome_.exit_code != UndefendedError("").exit_code() || steps_.empty())
      return complain("the run ended with {}: {}", outcome_.exit_code, outcome_.error);
    if (!is_arbitrated_ && all_healthy(steps_.back()))
      complain("liars without a majority stopped the run: {}", outcome_.error);
  }

  /// Where healthy workers are the majority of a slice, it has their answer.
  void check_majorities(const ToyRun& run) {
    if (job_.hostile.size() > run.plan().q) return;
    for (std::size_t index = 0; index < steps_.size(); ++index) {
      const Step& step = steps_[index];
      if (step.skipped && all_healthy(step)) complain("step {} was skipped", index + 1);
      if (run.plan().num_aggregate < run.plan().k) continue;
      for (std::size_t slice = 0; slice < step.slices.size(); ++slice) {
        if (step.slices[slice].healthy_own && step.slices[slice].counted.empty())
          complain("step {}: slice {} has a healthy majority and no answer", index + 1, slice);
      }
    }
  }

  void read_ledger(const ToyRun& run) {
    for (const nlohmann::json& line : run.journal("ledger.jsonl")) {
      const std::uint64_t step = line["step"];
      const std::uint32_t worker = line["worker"].get<std::uint32_t>() - 1;
      ledger_[{step, worker}].insert(line["kind"].get<std::string>());
      if (line["accusation"]) accusations_.emplace_back(step, worker, line["kind"]);
      if (line["kind"] == "late-outvoted") accusations_.emplace_back(step, worker, line["kind"]);
    }
  }

  const Slice* slice_of(std::uint64_t step, std::uint32_t worker) const {
    const auto has = [&](const Slice& slice) {
      return std::ranges::find(slice.assigned, worker) != slice.assigned.end();
    };
    const auto found = std::ranges::find_if(steps_[step - 1].slices, has);
    return found == steps_[step - 1].slices.end() ? nullptr : &*found;
  }

  /// Where liars own the slice of an honest worker, its vote says what they say; an arbiter is
  /// never theirs, as long as there are no more of them than the run is built for.
  bool may_be_accused(std::uint64_t step, std::uint32_t worker, const std::string& kind) const {
    if (steps_[step - 1].liars[worker]) return true;
    if (kind == "convicted") return too_many_liars_;
    const Slice* slice = slice_of(step, worker);
    return slice != nullptr && slice->liars_own;
  }

  void check_accusations() {
    for (const auto& [step, worker, kind] : accusations_) {
      if (step < 1 || step > steps_.size()) {
        complain("worker {} is accused of step {}", worker + 1, step);
      } else if (!may_be_accused(step, worker, kind)) {
        complain("step {}: worker {}, who is honest, is accused: {}", step, worker + 1, kind);
      }
    }
  }

  /// Whoever was not counted in a slice that has an answer has an entry; of the last two steps it
  /// may still come.
  void check_nobody_goes_unnamed() {
    for (std::uint64_t number = 1; number + 2 <= steps_.size(); ++number) {
      for (const Slice& slice : steps_[number - 1].slices) {
        for (const std::uint32_t worker : slice.assigned) {
          const bool counted = std::ranges::binary_search(slice.counted, worker);
          if (!slice.counted.empty() && !counted && !ledger_.contains({number, worker}))
            complain("step {}: worker {} was not counted, and nothing is said of it", number,
                     worker + 1);
        }
      }
    }
  }

  bool is_said(std::uint64_t step, std::uint32_t worker,
               std::initializer_list<const char*> kinds) const {
    const auto found = ledger_.find({step, worker});
    return found != ledger_.end() && std::ranges::any_of(kinds, [&](const char* kind) {
             return found->second.contains(kind);
           });
  }

  /// What a liar did early enough in a step to be seen in it is said of it.
  void check_deeds() {
    for (const Deed& deed : outcome_.deeds) {
      const auto admitted = std::ranges::find(outcome_.admitted, deed.rank);
      if (admitted == outcome_.admitted.end() || deed.step < 1 || deed.step > outcome_.steps.size())
        continue;
      const auto worker = static_cast<std::uint32_t>(admitted - outcome_.admitted.begin());
      const SimulatedStep& step = outcome_.steps[deed.step - 1];
      const double left_s = step.end_s - deed.at_s - step.paused_s;
      constexpr double kOnTheWay = 0.4;
      if (left_s < kOnTheWay || was_shut_out(worker, deed.step)) continue;
      const double patience_s = std::max(1.0, step.limit_s / 6);
      if (deed.kind == "wrong-digest" || deed.kind == "wrong-chunk" ||
          deed.kind == "equivocation") {
        if (!is_said(deed.step, worker,
                     {"outvoted", "late-outvoted", "bad-chunk", "equivocated", "undelivered",
                      "missing"}) &&
            slice_of(deed.step, worker) != nullptr && !is_arbitrated_ &&
            !slice_of(deed.step, worker)->counted.empty())
          complain("step {}: worker {} did '{}' and is not named", deed.step, worker + 1,
                   deed.kind);
      } else if (deed.kind == "undelivered" && left_s > kOnTheWay + patience_s &&
                 deed.step + 2 <= steps_.size()) {
        if (!is_said(deed.step, worker,
                     {"undelivered", "bad-chunk", "missing", "outvoted", "equivocated"}))
          complain("step {}: worker {} did not deliver and is not named", deed.step, worker + 1);
      } else if (deed.kind == "oversized" && !is_said(deed.step, worker, {"oversized", "flood"})) {
        complain("step {}: worker {} sent too long a frame and is not named", deed.step,
                 worker + 1);
      } else if (deed.kind == "other-slice" && !is_said(deed.step, worker, {"malformed"})) {
        complain("step {}: worker {} answered for another slice and is not named", deed.step,
                 worker + 1);
      }
    }
  }

  /// Or has said that it ends: then nothing of it is looked at any more.
  bool was_shut_out(std::uint32_t worker, std::uint64_t step) const {
    for (std::uint64_t before = 1; before <= step; ++before) {
      if (is_said(before, worker, {"flood", "oversized"}) && before < step) return true;
    }
    return std::ranges::any_of(outcome_.deeds, [&](const Deed& deed) {
      return deed.rank == rank_of(worker) &&
             (deed.kind == "farewell" || deed.kind == "oversized" || deed.kind == "flood") &&
             deed.step <= step && !(deed.step == step && deed.kind == "oversized");
    });
  }

  void check_replay(Options options) {
    options["replay"] = directory_.string();
    const std::filesystem::path folder = directory_.string() + " replayed";
    ToyRun replay(folder, options);
    try {
      replay.over_local_engine();
    } catch (const UndefendedError&) {  // as the recorded one
    } catch (const Error& error) {
      return complain("the replay failed: {}", error.what());
    }
    if (models_of(directory_) != models_of(folder)) complain("the replay has other checkpoints");
  }

  static std::map<std::string, std::string> models_of(const std::filesystem::path& folder) {
    std::map<std::string, std::string> models;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with("model_step_")) continue;
      std::ifstream stream(entry.path(), std::ios::binary);
      models[name] = {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    }
    return models;
  }

  const SimulatedJob& job_;
  const SimulatedOutcome& outcome_;
  std::filesystem::path directory_;
  std::vector<Step> steps_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::set<std::string>> ledger_;
  std::vector<std::tuple<std::uint64_t, std::uint32_t, std::string>> accusations_;
  bool is_arbitrated_ = false, too_many_liars_ = false;
  std::vector<std::string> found_;
};

}  // namespace detox
