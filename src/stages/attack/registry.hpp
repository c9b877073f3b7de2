// What each attack file offers to the registry.
#pragma once

#include "detox/attack.hpp"

namespace detox {

std::unique_ptr<Attack> make_alie(const AttackOptions& options);
std::unique_ptr<Attack> make_constant(const AttackOptions& options);
std::unique_ptr<Attack> make_none(const AttackOptions& options);
std::unique_ptr<Attack> make_random(const AttackOptions& options);
std::unique_ptr<Attack> make_rev_grad(const AttackOptions& options);

}  // namespace detox
