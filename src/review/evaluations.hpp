// evaluation.jsonl, as it is read back: what checkpoints were scored with on the test set.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "review/metrics.hpp"

namespace detox {

struct Evaluation {
  std::uint64_t step = 0;
  std::uint64_t attempt = 0;    ///< how often the run had gone back; kMostAttempts: nobody says
  double loss = 0;              ///< may be not finite
  double prec1 = 0, prec5 = 0;  ///< Prec@1 and Prec@5, percent
};

/// Empty where the text is no such line.
std::optional<Evaluation> evaluation_of(std::string_view line);

/// Those that stand, by step, ascending: where a step has several lines, the last one, and none of
/// what the run has taken back (RunMetrics::backs). No file: nothing. InputError, with the line,
/// where the file is not what is written there.
std::vector<Evaluation> read_evaluations(const std::filesystem::path& file,
                                         const std::vector<TakenBack>& backs = {});

}  // namespace detox
