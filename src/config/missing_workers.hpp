// Whom a resumed run goes on without, where some of its workers are not there any more. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "config/plan.hpp"

namespace detox {

/// The `count` workers that the plan can best do without, ascending: machines may be any of the
/// workers, so those that are gone are spread over the groups, the last of each, and the one whose
/// row monna trusts is spared. count <= P.
std::vector<std::uint32_t> least_missed(const Plan& plan, std::size_t count);

/// Who is missing where workers of these ranks are there, ascending and no more than P. Where
/// workers are convicted, each keeps the number of its rank as long as no rank is above P: else
/// somebody honest gets the number of one that was put out, and that one another. Without an
/// arbiter it is least_missed().
std::vector<std::uint32_t> missing_workers(const Plan& plan, std::span<const int> ranks);

/// What the defence lacks without these, for people; empty for nothing. Under random placement with
/// redundancy it is so only in steps where enough of them meet in a slice, else in every step.
std::string unmet_without(const Plan& plan, std::span<const std::uint32_t> missing);

/// Whether what unmet_without() says is so in every step.
bool is_always_unmet(const Plan& plan);

}  // namespace detox
