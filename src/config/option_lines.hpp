// What the parts of the table of options share.
#pragma once

#include <string_view>
#include <type_traits>
#include <vector>

#include "config/options.hpp"

namespace detox {

inline constexpr std::string_view kTask = "What is trained", kDefence = "The defence",
                                  kAttack = "The simulated attack", kOptimizer = "The optimizer",
                                  kRun = "The run";

/// The field of a member that is an enumeration with words.
template <auto Member>
Choice choice() {
  using E = std::remove_cvref_t<decltype(RunConfig().*Member)>;
  return {[](const RunConfig& config) { return static_cast<std::size_t>(config.*Member); },
          [](std::size_t value, RunConfig& config) { config.*Member = static_cast<E>(value); },
          [] {
            constexpr auto kWords = words_of(E());
            return std::vector<std::string_view>(kWords.begin(), kWords.end());
          },
          [] {
            std::vector<std::string_view> aliases;
            if constexpr (requires { aliases_of(E()); }) {
              constexpr auto kAliases = aliases_of(E());
              aliases.assign(kAliases.begin(), kAliases.end());
            }
            return aliases;
          }};
}

/// Those of the simulated attack.
std::vector<Option> attack_lines();

}  // namespace detox
