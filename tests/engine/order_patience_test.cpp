#include "engine/order_patience.hpp"

#include <gtest/gtest.h>

namespace detox {
namespace {

Clock::time_point at(double seconds) {
  return Clock::time_point(
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(100 + seconds)));
}

/// So many orders at once, and a deadline.
OrderPatience with_orders(std::uint32_t count, double limit_s) {
  OrderPatience patience(8);
  patience.begin(at(0), limit_s);
  for (std::uint32_t worker = 0; worker < count; ++worker) patience.ordered({worker, 0}, at(0));
  return patience;
}

std::vector<std::uint32_t> workers_of(const std::vector<SliceOrder>& orders) {
  std::vector<std::uint32_t> workers;
  workers.reserve(orders.size());
  for (const SliceOrder& order : orders) workers.push_back(order.worker);
  return workers;
}

using Workers = std::vector<std::uint32_t>;

TEST(OrderPatience, LastsThreeTimesAsLongAsHalfOfTheOrdersTook) {
  OrderPatience patience = with_orders(4, 60);
  patience.answered({1, 0}, at(1));
  EXPECT_EQ(patience.seconds(0), 20);  // fewer than half: a third of the deadline
  patience.answered({3, 0}, at(2));
  EXPECT_NEAR(patience.seconds(0), 6, 1e-9);
  EXPECT_EQ(workers_of(patience.overdue(at(5.9))), Workers{});
  EXPECT_EQ(workers_of(patience.overdue(at(6.1))), (Workers{0, 2}));
  EXPECT_EQ(workers_of(patience.overdue(at(7))), Workers{});  // each once
}

TEST(OrderPatience, CountsEachOrderOnceHoweverOftenALiarAnswersIt) {
  OrderPatience patience = with_orders(4, 60);
  for (int i = 0; i < 10; ++i) patience.answered({1, 0}, at(0.01));
  patience.answered({7, 0}, at(0.01));  // which nobody has ordered
  EXPECT_EQ(patience.seconds(0), 20);
}

TEST(OrderPatience, OfAnOrderInTheMiddleOfAStepBeginsThere) {
  OrderPatience patience = with_orders(2, 60);
  patience.answered({0, 0}, at(2));
  patience.answered({1, 0}, at(3));
  patience.ordered({2, 0}, at(3));
  EXPECT_EQ(workers_of(patience.overdue(at(8.9))), Workers{});
  EXPECT_EQ(workers_of(patience.overdue(at(9.1))), Workers{2});
}

TEST(OrderPatience, IsASecondAtLeastAndAThirdOfTheStepAtMost) {
  OrderPatience quick = with_orders(1, 60);
  quick.answered({0, 0}, at(0.001));
  EXPECT_EQ(quick.seconds(0), 1);
  OrderPatience slow = with_orders(1, 60);
  slow.answered({0, 0}, at(50));
  EXPECT_EQ(slow.seconds(0), 20);
}

/// Worker 2 takes so long in so many steps, the others 0.01 s.
OrderPatience after_steps(int count, double seconds) {
  OrderPatience patience(8);
  for (int step = 0; step < count; ++step) {
    patience.begin(at(0), 60);
    for (std::uint32_t worker = 0; worker < 3; ++worker) patience.ordered({worker, 0}, at(0));
    for (const std::uint32_t quick : {0U, 1U}) patience.answered({quick, 0}, at(0.01));
    EXPECT_TRUE(patience.overdue(at(seconds)).empty());
    patience.answered({2, 0}, at(seconds));
  }
  return patience;
}

std::vector<double> patience_with_all(OrderPatience patience, double half_s) {
  patience.begin(at(0), 60);
  for (std::uint32_t worker = 0; worker < 3; ++worker) patience.ordered({worker, 0}, at(0));
  for (const std::uint32_t quick : {0U, 1U}) patience.answered({quick, 0}, at(half_s));
  return {patience.seconds(0), patience.seconds(1), patience.seconds(2)};
}

TEST(OrderPatience, IsLessWithWhoIsSlowerThanTheOthersAgainAndAgain) {
  EXPECT_EQ(patience_with_all(after_steps(3, 0.8), 0.01), (std::vector{1.0, 1.0, 1.0}));
  EXPECT_EQ(patience_with_all(after_steps(4, 0.8), 0.01), (std::vector{1.0, 1.0, 0.1}));
  EXPECT_EQ(patience_with_all(after_steps(20, 0.09), 0.01), (std::vector{1.0, 1.0, 1.0}));
  const double as_others = patience_with_all(after_steps(4, 0.8), 0.5)[2];
  EXPECT_NEAR(as_others, 1.5, 1e-9);  // where they are slow as well
}

TEST(OrderPatience, CountsAsSlowWhoWasOverdueAndNotWhoIsQuickAgain) {
  OrderPatience patience(8);
  for (int step = 0; step < 4; ++step) {
    patience.begin(at(0), 60);
    for (std::uint32_t worker = 0; worker < 3; ++worker) patience.ordered({worker, 0}, at(0));
    for (const std::uint32_t quick : {0U, 1U}) patience.answered({quick, 0}, at(0.01));
    EXPECT_EQ(workers_of(patience.overdue(at(1.1))), Workers{2});
  }
  EXPECT_EQ(patience_with_all(patience, 0.01)[2], 0.1);
  for (int step = 0; step < 12; ++step) {
    patience.begin(at(0), 60);
    for (std::uint32_t worker = 0; worker < 3; ++worker) patience.ordered({worker, 0}, at(0));
    for (std::uint32_t worker = 0; worker < 3; ++worker) patience.answered({worker, 0}, at(0.01));
  }
  EXPECT_EQ(patience_with_all(patience, 0.01)[2], 1.0);
}

TEST(OrderPatience, IsForgottenWithTheNextStep) {
  OrderPatience patience = with_orders(3, 60);
  patience.begin(at(10), 30);
  EXPECT_EQ(patience.seconds(0), 10);
  EXPECT_EQ(workers_of(patience.overdue(at(100))), Workers{});
}

}  // namespace
}  // namespace detox
