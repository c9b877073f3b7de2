// Whom a resumed run goes on without, and whether it is defended then.
#include "config/missing_workers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

#include "config/options.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Plan plan_of(const std::vector<std::pair<std::string_view, std::string_view>>& options) {
  RunConfig config;
  for (const auto& [name, text] : options) set_option(find_option(name), text, config);
  return make_plan(resolve(config, 0));
}

std::string unmet(const Plan& plan, std::size_t count) {
  return unmet_without(plan, least_missed(plan, count));
}

TEST(MissingWorkers, AreThoseOfTheRanksThatAreGoneWhereSomebodyMayBePutOut) {
  const Plan plan = plan_of({{"workers", "9"}, {"approach", "audit"}, {"assume-fail", "2"}});
  EXPECT_THAT(missing_workers(plan, std::vector<int>{1, 2, 4, 5, 6, 7, 9}), ElementsAre(2U, 7U));
  EXPECT_THAT(missing_workers(plan, std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}), ElementsAre(8U));
  // Nobody knows who was which then.
  EXPECT_EQ(missing_workers(plan, std::vector<int>{2, 3, 4, 5, 6, 7, 8, 10}).size(), 1U);
}

TEST(MissingWorkers, AreSpreadOverTheGroups) {
  const Plan plan = plan_of({{"workers", "9"}, {"placement", "fixed"}, {"assume-fail", "2"}});
  EXPECT_THAT(least_missed(plan, 0), IsEmpty());
  EXPECT_THAT(least_missed(plan, 1), ElementsAre(8U));
  EXPECT_THAT(least_missed(plan, 2), ElementsAre(5U, 8U));
  EXPECT_THAT(least_missed(plan, 4), ElementsAre(2U, 5U, 7U, 8U));
  EXPECT_EQ(least_missed(plan, 9).size(), 9U);
  EXPECT_TRUE(is_always_unmet(plan));
  // Each group of three bears the loss of one.
  EXPECT_EQ(unmet(plan, 3), "");
  EXPECT_THAT(unmet_without(plan, std::vector<std::uint32_t>{7, 8}), HasSubstr("n = 2"));
}

TEST(MissingWorkers, AreRowsThatAreMissingWithoutRedundancy) {
  const Plan three = plan_of({{"workers", "3"}, {"group-size", "1"}, {"assume-fail", "1"}});
  EXPECT_EQ(unmet(three, 0), "");
  EXPECT_THAT(unmet(three, 1), HasSubstr("n = 2, f = 1"));
  EXPECT_TRUE(is_always_unmet(three));
  const Plan five = plan_of({{"workers", "5"}, {"group-size", "1"}, {"assume-fail", "1"}});
  EXPECT_EQ(unmet(five, 1), "");
}

TEST(MissingWorkers, MayMeetInASliceUnderRandomPlacement) {
  const Plan plan = plan_of({{"workers", "9"}, {"assume-fail", "2"}});
  EXPECT_FALSE(is_always_unmet(plan));
  EXPECT_EQ(unmet(plan, 1), "");
  EXPECT_THAT(unmet(plan, 2), HasSubstr("n = 2, f = 1"));
}

TEST(MissingWorkers, AreNotTheOneThatMonnaTrusts) {
  const Plan plan = plan_of({{"workers", "5"},
                             {"group-size", "1"},
                             {"assume-fail", "1"},
                             {"mode", "monna"},
                             {"placement", "fixed"},
                             {"reference-row", "4"}});
  EXPECT_THAT(least_missed(plan, 1), ElementsAre(3U));
}

TEST(MissingWorkers, AreBorneByStepsThatGoOnWithFewerSlices) {
  const Plan plan = plan_of(
      {{"workers", "12"}, {"placement", "fixed"}, {"assume-fail", "2"}, {"num-aggregate", "3"}});
  EXPECT_EQ(unmet_without(plan, std::vector<std::uint32_t>{10, 11}), "");
}

}  // namespace
}  // namespace detox
