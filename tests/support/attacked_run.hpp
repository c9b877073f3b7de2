// A whole run of the toy under an attack, and what was told and accused in it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {

using StepsOfWorkers = std::set<std::pair<std::uint64_t, std::uint64_t>>;

struct AttackedRun {
  MemoryDirectory directory;
  ToyRun run;
  explicit AttackedRun(const Options& options) : run(directory / "run", options) {}
  AttackedRun& locally() {
    EXPECT_EQ(run.over_local_engine(), RunEnd::kFinished);
    return *this;
  }
  AttackedRun& over_network() {
    EXPECT_EQ(run.over_network(), RunEnd::kFinished);
    return *this;
  }
  /// In two parts, the first as long as `steps`.
  AttackedRun& resumed_behind(std::uint64_t steps) {
    run.stop_after = steps;
    EXPECT_EQ(run.over_local_engine(), RunEnd::kInterrupted);
    return resumed();
  }
  /// The rest of a run that was stopped.
  AttackedRun& resumed() {
    run.stop_after = run.stop_after_rounds = 0;
    run.stop = false;
    run.resume = true;
    return locally();
  }
  std::string bytes() const { return run.final_model() + run.final_state(); }
  /// What attackers.jsonl says: "attackers", or "silent".
  StepsOfWorkers told(const char* which = "attackers") const {
    StepsOfWorkers found;
    for (const auto& line : run.journal("attackers.jsonl")) {
      if (!line.contains(which)) continue;
      for (const auto& worker : line[which]) found.emplace(line["step"], worker);
    }
    return found;
  }
  /// Of this kind; of every kind where none is given.
  StepsOfWorkers accused(const std::string& kind = "") const {
    StepsOfWorkers found;
    for (const auto& line : run.journal("ledger.jsonl")) {
      if (kind.empty() || line["kind"] == kind) found.emplace(line["step"], line["worker"]);
    }
    return found;
  }
};

}  // namespace detox
