// What happened in one step: what the server's round reports and the journals hold.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/assignment.hpp"
#include "base/round_number.hpp"
#include "record/commitments_file.hpp"
#include "record/latency.hpp"
#include "record/ledger.hpp"

namespace detox {

struct PhaseSeconds {
  double broadcast = 0, compute = 0, receive = 0, vote = 0, aggregate = 0, update = 0, commit = 0,
         total = 0;
};

/// Their names in the journals, in the order of a step; `total`, of all and what is between, last.
inline constexpr std::array<std::pair<const char*, double PhaseSeconds::*>, 8> kPhases = {{
    {"broadcast", &PhaseSeconds::broadcast},
    {"compute", &PhaseSeconds::compute},
    {"receive", &PhaseSeconds::receive},
    {"vote", &PhaseSeconds::vote},
    {"aggregate", &PhaseSeconds::aggregate},
    {"update", &PhaseSeconds::update},
    {"commit", &PhaseSeconds::commit},
    {"total", &PhaseSeconds::total},
}};

/// What happened in one step. Slices are resolved or unresolved; `counted[j]` are the workers of
/// slice j's majority.
struct StepReport {
  std::uint64_t step = 0;
  std::uint64_t attempt = 0;  ///< how often the run had gone back
  double lr = 0;
  std::optional<double> loss,
      accuracy;  ///< medians over the resolved slices of their means a sample
  PhaseSeconds seconds;
  double in_vain_s = 0;  ///< of seconds.total, see FleetReport
  std::uint64_t bytes_in = 0, bytes_out = 0;
  Assignment assignment;
  std::vector<std::vector<std::uint32_t>> asked;  ///< of slice j's workers, ascending
  std::vector<std::vector<std::uint32_t>> counted;
  /// Where copies are dealt: workers who got no order, ascending.
  std::optional<std::vector<std::uint32_t>> away;
  std::size_t put_out = 0;  ///< of these, for being convicted
  /// Of slice j, who was asked besides those to whom it was dealt, ascending.
  std::vector<std::vector<std::uint32_t>> more;
  bool compares_nothing = false;                  ///< though it should: too many are away
  std::vector<std::uint32_t> readmitted;          ///< before it: workers, ascending
  std::vector<std::uint32_t> convicted;           ///< workers, ascending
  std::vector<std::uint32_t> computed_by_server;  ///< slices about which the server decided
  std::size_t server_was_alone = 0;               ///< of these, where nobody had said the same
  std::vector<std::uint32_t> unresolved;
  std::vector<std::uint32_t> used;      ///< slices that were aggregated, ascending; none if skipped
  std::vector<std::uint32_t> rejected;  ///< of these, those that the rule has left out, ascending
  std::string skipped_because;          ///< empty: the step was taken
  std::vector<LedgerEntry> ledger;
  StepLatency latency;                   ///< of what came in time
  std::vector<LateLatency> late;         ///< of earlier steps
  std::optional<Commitment> commitment;  ///< unless the run makes none
  bool interrupted = false;
  // After the step; of one that was skipped nothing is said.
  bool weights_are_finite = true, gradient_is_finite = true;

  std::uint64_t round() const { return round_number(attempt, step); }
  /// Answers that were asked for, and those that the server computed.
  std::size_t computed() const {
    std::size_t sum = computed_by_server.size();
    for (const std::vector<std::uint32_t>& workers : asked) sum += workers.size();
    return sum;
  }
};

}  // namespace detox
