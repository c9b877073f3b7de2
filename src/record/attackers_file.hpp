// attackers.jsonl (docs/formats/run-directory.md): which workers are made to lie in each step. Only
// where attacks are simulated, and for those who look at a run; nothing of the defence reads it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "record/ledger.hpp"

namespace detox {

/// Who is made to lie in one step.
struct SimulatedLies {
  std::vector<std::uint32_t> attackers;  ///< workers from 0, ascending
  std::vector<std::uint32_t> silent;     ///< workers that are made to say nothing, likewise
  std::vector<std::uint32_t> owned;      ///< slices whose majority they are, ascending
};

/// The file's line about a step.
nlohmann::json attackers_line(std::uint64_t step, const SimulatedLies& lies);

/// A line of attackers.jsonl or ledger.jsonl, as it is read back.
struct RecordedLies {
  std::uint64_t round = 0;  ///< round_number()
  SimulatedLies lies;
};
struct Observation {
  std::uint64_t round = 0;  ///< round_number() of the step that it is about
  std::uint32_t slice = 0;
  std::uint32_t worker = 0;  ///< from 0
  Suspicion kind = Suspicion::kMissing;
};

/// Empty where the text is no such line; workers are 1 to `workers` in it.
std::optional<RecordedLies> recorded_lies(std::string_view line, std::size_t workers);
std::optional<Observation> observation(std::string_view line, std::size_t workers);

/// Whether the worker is held to have lied: an accusation, or late and outvoted.
bool is_held_against(Suspicion kind);

/// What became of the simulated lies of a run, of every step that attackers.jsonl holds: of each
/// time that it was taken.
struct AttackersFound {
  std::uint64_t lies = 0;            ///< a worker in a step each
  std::uint64_t rightly = 0;         ///< of these: the ledger accuses the worker in that step
  std::uint64_t wrongly = 0;         ///< accused in a step in which it did not lie
  std::vector<std::uint32_t> liars;  ///< who lied in any step, from 0, ascending
};

/// Takes the two files' lines in, all of attackers.jsonl or none of it before found(). Holds four
/// bytes a lie and accusation, and a few dozen a step.
class AttackersTally {
 public:
  void add(const RecordedLies& lies);
  void add(const Observation& observation);
  AttackersFound found() const;

 private:
  struct Round {
    bool is_known = false;                      ///< attackers.jsonl has it
    std::vector<std::uint32_t> liars, accused;  ///< ascending
  };
  std::unordered_map<std::uint64_t, Round> rounds_;
};

/// Reads both files in the directory. Lines that are no such lines are passed over. InputError
/// where a file cannot be read.
AttackersFound find_attackers(const std::filesystem::path& directory);

}  // namespace detox
