// What each attack's file offers to the registry (attacks.def); its class is private to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stages/attack/attack.hpp"

namespace detox {

/// Of every attack a factory, and of those whose line names it what users should know
/// (AttackInfo::notices).
#define ATTACK(ID, ...)                                                                 \
  std::unique_ptr<Attack> make_##ID(const AttackOptions& options);                      \
  std::vector<std::string> notices_##ID(const AttackOptions& options, std::size_t rows, \
                                        std::size_t most_owned);
#include "stages/attack/attacks.def"
#undef ATTACK

}  // namespace detox
