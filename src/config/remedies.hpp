// What a user may change where a defence cannot hold.
#pragma once

#include <string>

#include "config/plan.hpp"

namespace detox {

/// The least changes of one option each with which the requirement is met: fewer liars to survive
/// (--assume-fail), more workers, other buckets, more slices, other rules in the place of the one
/// that defends.
/// "--assume-fail 3, --workers 57, ..."; empty where no such change helps. `plan` has its sizes and
/// hierarchy.
std::string remedies(const Plan& plan);

}  // namespace detox
