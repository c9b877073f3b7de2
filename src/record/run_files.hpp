// The names of the files of a run's directory (docs/formats/run-directory.md).
#pragma once

#include <array>
#include <string_view>

namespace detox {

inline constexpr std::string_view kLockFile = ".lock";
inline constexpr std::string_view kConfigFile = "config.toml";
inline constexpr std::string_view kStatusFile = "run.json";

/// A checkpoint is two files, whose names end in the step.
inline constexpr std::string_view kModelFiles = "model_step_", kStateFiles = "state_step_";
inline constexpr std::string_view kAnyModelFile = "model_step_<t>";  ///< as messages have it

/// Journals: a line a step.
inline constexpr std::string_view kMetricsFile = "metrics.jsonl";
inline constexpr std::string_view kRoundsFile = "rounds.jsonl";
inline constexpr std::string_view kLedgerFile = "ledger.jsonl";
inline constexpr std::string_view kAttackersFile = "attackers.jsonl";  ///< of simulated attacks
inline constexpr std::string_view kCommitmentsFile = "commitments.jsonl";
inline constexpr std::string_view kLatencyFile = "latency.bin";           ///< records of fixed size
inline constexpr std::string_view kEvaluationsFile = "evaluation.jsonl";  ///< a line a score
inline constexpr std::string_view kSignatureFile = "commitments.sig";
inline constexpr std::array kJournalFiles = {kMetricsFile,    kRoundsFile,      kLedgerFile,
                                             kAttackersFile,  kCommitmentsFile, kLatencyFile,
                                             kEvaluationsFile};

}  // namespace detox
