// A run's files, made by hand.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "config/options.hpp"
#include "config/plan.hpp"

namespace detox {

inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

/// `steps` steps of 9 workers, each with the loss of its number, in which the second is outvoted.
inline void make_run(const std::filesystem::path& folder, int steps) {
  RunConfig config;
  config.workers = 9;
  config.worker_fail = 1;
  set_option(find_option("fail-schedule"), "fixed", config);
  std::filesystem::create_directories(folder);
  write_text(folder / "config.toml",
             to_toml(resolve(config, 0), "detoxml 9.9, resolved; some BLAS"));
  write_text(folder / "run.json", R"({"message":"","status":"finished","step":1})");
  std::string metrics, ledger, attackers;
  for (int step = 1; step <= steps; ++step) {
    metrics += fmt::format(
        R"({{"step":{0},"loss":{0},"accuracy":0.5,"resolved":3,"unresolved":0,"computed":9,"corrupted":0,"seconds":{{"vote":0.25,"total":1}}}})"
        "\n",
        step);
    ledger +=
        fmt::format(R"({{"accusation":true,"kind":"outvoted","slice":0,"step":{},"worker":2}})"
                    "\n",
                    step);
    attackers += fmt::format("{{\"attackers\":[2],\"owned\":[],\"step\":{}}}\n", step);
  }
  write_text(folder / "metrics.jsonl", metrics);
  write_text(folder / "ledger.jsonl", ledger);
  write_text(folder / "attackers.jsonl", attackers);
  write_text(folder / "evaluation.jsonl", R"({"step":4,"loss":1,"prec1":75,"prec5":90})"
                                          "\n");
}

}  // namespace detox
