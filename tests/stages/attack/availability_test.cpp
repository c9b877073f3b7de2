// Attacks whose answers are honest and come late or never.
#include <gtest/gtest.h>

#include <limits>

#include "stages/attack/attack_scene.hpp"

namespace detox {
namespace {

double delay_of(std::string_view name, double c) {
  AttackOptions options;
  options.adversarial = c;
  return find_attack(name).make(options)->delay_s();
}

TEST(Availability, IsAttackedByCrashAndStragglerAlone) {
  for (const AttackInfo& info : attacks()) {
    const bool delays = info.name == "crash" || info.name == "straggler";
    EXPECT_EQ(delay_of(info.name, 2.5) > 0, delays) << info.name;
  }
}

TEST(Crash, IsLateForever) {
  EXPECT_EQ(delay_of("crash", -100), std::numeric_limits<double>::infinity());
}

TEST(Straggler, IsCSecondsLate) {
  EXPECT_EQ(delay_of("straggler", 2.5), 2.5);
  EXPECT_EQ(delay_of("straggler", -100), 0);
  EXPECT_EQ(find_attack("straggler").parameter->standard, 1.0);
}

TEST(Availability, LeavesWhatIsSentHonest) {
  AttackScene scene{honest_rows(3, 517)};
  scene.slice = 1;
  EXPECT_EQ(scene.run("crash", {}), scene.honest[1]);
  EXPECT_EQ(scene.run("straggler", {}), scene.honest[1]);
}

}  // namespace
}  // namespace detox
