#include "stages/attack/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/names.hpp"

namespace detox {
namespace {

constexpr double kOfTheOriginal = -100;

constexpr AttackInfo kAttacks[] = {
#define ATTACK(ID, ...) AttackInfo{.make = make_##ID, __VA_ARGS__},
#include "stages/attack/attacks.def"
#undef ATTACK
};

}  // namespace

std::span<const AttackInfo> attacks() { return kAttacks; }

const AttackInfo& find_attack(std::string_view name) {
  return find_by_name("attack", name, attacks());
}

const AttackInfo& lis_simulation_attack() {
  return *std::ranges::find_if(kAttacks, &AttackInfo::is_lis_simulation);
}

bool reads_option(const AttackInfo& attack, std::string_view option) {
  return std::ranges::find(attack.reads, option) != attack.reads.end();
}

std::string parameter_values(const AttackParameter& parameter, std::size_t slices) {
  if (parameter.is_slice) return fmt::format("a slice, 0 to {}", slices - 1);
  const Range& range = parameter.range;
  const std::string ends = std::isfinite(range.least) && std::isfinite(range.most)
                               ? fmt::format("{} to {}", range.least, range.most)
                               : range.words();
  return fmt::format("{}{}{}", ends, parameter.unit.empty() ? "" : " ", parameter.unit);
}

bool takes_parameter(const AttackParameter& parameter, double c, std::size_t slices) {
  return parameter.range.contains(c) && (!parameter.is_slice || c < static_cast<double>(slices));
}

}  // namespace detox
