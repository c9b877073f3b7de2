// The scores of a run's checkpoints, as they are left beside them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/dataset.hpp"
#include "record/scores_file.hpp"
#include "run/evaluator.hpp"

namespace detox {

/// Of one test set and network; the data outlives it.
class KeptScores {
 public:
  /// `network`: its name, or the digest of the file that it came from (ModelLayout::source).
  KeptScores(const std::filesystem::path& folder, const Dataset& data, std::string network);

  /// Of model_step_<step>, which has this digest (SHA-256, in hexadecimal). Kept from then on where
  /// it is that of another step with the same weights.
  std::optional<Score> find(std::uint64_t step, const std::string& model_digest);

  /// Of model_step_<step>, which had this digest. Where it cannot be written a line says so, the
  /// first time.
  void keep(std::uint64_t step, const std::string& model_digest, const Score& score);

 private:
  std::uint64_t attempt_of(std::uint64_t step, const std::string& model_digest) const;

  std::filesystem::path folder_;
  const Dataset& data_;
  std::string data_digest_, network_;
  ScoresFile file_;
  bool is_told_ = false;
};

}  // namespace detox
