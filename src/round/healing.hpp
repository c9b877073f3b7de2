// --heal: where a run has gone back because what liars alone had said was used, and where it has
// to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "round/evictions.hpp"

namespace detox {

/// The fact of a checkpoint that has Healing::text().
inline constexpr const char* kWentBack = "went_back";

class Healing {
 public:
  struct Back {
    std::uint64_t from, to;  ///< steps: all behind `to` were taken again
  };
  /// `text`: what text() gave; InputError where it is not.
  explicit Healing(std::string_view text = {});

  void went_back(const Back& back) { backs_.push_back(back); }
  /// How often.
  std::uint64_t attempt() const { return backs_.size(); }
  const std::vector<Back>& backs() const { return backs_; }

  /// "17>0 45>10", for the state file.
  std::string text() const;

 private:
  std::vector<Back> backs_;
};

/// The first step that stands in which a slice was used of which nobody but workers who are out has
/// said what it is: neither somebody else nor the server. Empty where there is none up to step
/// `last`. `rounds`: rounds.jsonl of the run. InputError where it cannot be read, or lacks steps
/// from `first` on.
std::optional<std::uint64_t> first_unsure_step(const std::filesystem::path& rounds,
                                               std::uint64_t first, std::uint64_t last,
                                               std::size_t workers, std::size_t slices,
                                               const Evictions& evictions);

}  // namespace detox
