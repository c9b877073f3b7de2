// What each attack file offers to the registry.
#pragma once

#include "detox/attack.hpp"

namespace detox {

std::unique_ptr<Attack> make_alie(const AttackOptions& options);
std::unique_ptr<Attack> make_alie_opt(const AttackOptions& options);
std::unique_ptr<Attack> make_constant(const AttackOptions& options);
std::unique_ptr<Attack> make_crash(const AttackOptions& options);
std::unique_ptr<Attack> make_infinity(const AttackOptions& options);
std::unique_ptr<Attack> make_ipm(const AttackOptions& options);
std::unique_ptr<Attack> make_ipm_opt(const AttackOptions& options);
std::unique_ptr<Attack> make_label_flip(const AttackOptions& options);
std::unique_ptr<Attack> make_mimic(const AttackOptions& options);
std::unique_ptr<Attack> make_min_max(const AttackOptions& options);
std::unique_ptr<Attack> make_min_sum(const AttackOptions& options);
std::unique_ptr<Attack> make_nan(const AttackOptions& options);
std::unique_ptr<Attack> make_none(const AttackOptions& options);
std::unique_ptr<Attack> make_random(const AttackOptions& options);
std::unique_ptr<Attack> make_rev_grad(const AttackOptions& options);
std::unique_ptr<Attack> make_sign_flip(const AttackOptions& options);
std::unique_ptr<Attack> make_straggler(const AttackOptions& options);

}  // namespace detox
