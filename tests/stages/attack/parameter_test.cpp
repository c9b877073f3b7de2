// What an attack's line says of c, and of the options that it reads.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "stages/attack/attack.hpp"
#include "stages/attack/attack_scene.hpp"

namespace detox {
namespace {

Values sent(const AttackInfo& info, const AttackOptions& options) {
  return AttackScene{honest_rows(5, 40)}.run(info.name, options);
}

bool is_other_attack(const AttackInfo& info, double c) {
  AttackOptions standard;
  standard.adversarial = info.parameter ? info.parameter->standard : 1;
  AttackOptions changed = standard;
  changed.adversarial = c;
  // NaN is not equal to itself.
  if (info.name == "nan") return false;
  return sent(info, changed) != sent(info, standard) ||
         info.make(changed)->delay_s() != info.make(standard)->delay_s();
}

TEST(AttackParameter, IsOfTheAttacksWhoseLinesHaveOne) {
  for (const AttackInfo& info : attacks())
    EXPECT_EQ(is_other_attack(info, 3), info.parameter.has_value()) << info.name;
}

TEST(AttackParameter, IsItsStandardWhereNobodySaysOtherwise) {
  for (const AttackInfo& info : attacks()) {
    if (!info.parameter) continue;
    EXPECT_TRUE(takes_parameter(*info.parameter, info.parameter->standard, 1)) << info.name;
    EXPECT_FALSE(info.parameter->meaning.empty()) << info.name;
  }
}

TEST(AttackParameter, MayBeAnyNumberInItsRange) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const AttackInfo& info : attacks()) {
    if (!info.parameter) continue;
    const AttackParameter& parameter = *info.parameter;
    for (const double end : {parameter.range.least, parameter.range.most}) {
      if (!std::isfinite(end)) continue;
      const double beyond = end == parameter.range.least ? -infinity : infinity;
      EXPECT_TRUE(takes_parameter(parameter, end, 5)) << info.name << ' ' << end;
      EXPECT_FALSE(takes_parameter(parameter, std::nextafter(end, beyond), 5)) << info.name;
    }
    for (const double none : {infinity, -infinity, std::nan("")})
      EXPECT_FALSE(takes_parameter(parameter, none, 5)) << info.name;
  }
}

TEST(AttackParameter, ThatIsASliceIsOneThatIsThere) {
  const AttackParameter& slice = *find_attack("mimic").parameter;
  EXPECT_TRUE(takes_parameter(slice, 4, 5));
  EXPECT_FALSE(takes_parameter(slice, 5, 5));
  EXPECT_FALSE(takes_parameter(slice, 0.5, 5));
  EXPECT_EQ(parameter_values(slice, 5), "a slice, 0 to 4");
  EXPECT_EQ(parameter_values(*find_attack("straggler").parameter, 5), "0 to 1000000 seconds");
  EXPECT_EQ(parameter_values(*find_attack("ipm").parameter, 5), "a number");
}

TEST(AttackOptions, OfALineChangeWhatItsAttackSendsAndNoOther) {
  const AttackOptions standard{.alie_z = 1.0};
  const std::pair<std::string_view, AttackOptions> others[] = {
      {"alie-z", {.alie_z = 2.0}},
      {"alie-sign", {.alie_z = 1.0, .alie_sign = 1}},
      {"alie-ddof", {.alie_z = 1.0, .alie_ddof = 0}}};
  for (const AttackInfo& info : attacks()) {
    if (info.name == "nan") continue;
    for (const auto& [name, changed] : others) {
      EXPECT_EQ(sent(info, changed) != sent(info, standard), reads_option(info, name))
          << info.name << ' ' << name;
    }
  }
}

}  // namespace
}  // namespace detox
