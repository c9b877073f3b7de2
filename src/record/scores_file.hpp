// evaluation.jsonl (docs/formats/run-directory.md): what checkpoints scored on a test set, so that
// nobody has to score them twice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "base/round_number.hpp"

namespace detox {

/// What a score is of. Digests are SHA-256, in hexadecimal.
struct ScoredModel {
  std::string model;    ///< the digest of its file
  std::string data;     ///< that of the test set
  std::string network;  ///< its name, or the digest of the file that it came from
  bool operator==(const ScoredModel&) const = default;
};

struct RecordedScore {
  std::uint64_t step = 0, attempt = 0;
  ScoredModel of = {};
  std::uint64_t samples = 0;
  double loss = 0, prec1 = 0, prec5 = 0;
  std::uint64_t round() const { return round_number(attempt, step); }
};

/// Several processes may use the file at the same time.
class ScoresFile {
 public:
  explicit ScoresFile(std::filesystem::path file) : file_(std::move(file)) {}

  /// The last one of this model in this round (round_number()), else in any. Lines that are not as
  /// append() writes them are passed over; none where the file is not there or cannot be read.
  std::optional<RecordedScore> find(const ScoredModel& of, std::uint64_t round) const;

  /// Adds a line behind the whole ones. False where it cannot be written; last_error() says why.
  [[nodiscard]] bool append(const RecordedScore& score);
  const std::string& last_error() const { return last_error_; }

 private:
  bool refuse();

  std::filesystem::path file_;
  std::string last_error_;
};

}  // namespace detox
