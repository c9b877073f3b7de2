// Tasks over places, some of which are lost.
#include "experiment/run_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>

namespace detox {
namespace {

using testing::ElementsAre;

struct Done {
  std::mutex mutex;
  std::map<std::size_t, std::string> by;  ///< task to place
  std::size_t going_on = 0, most = 0;
};

TEST(RunPool, DoesEachTaskOnceAndNoMoreAtATimeThanThereAreSlots) {
  Done done;
  Pool pool{{{"", 3}}, 6};
  std::set<std::size_t> shares;
  const std::size_t left = do_all(
      20, pool, std::atomic<bool>(false),
      [&](std::size_t task, const Place& place, std::size_t threads) {
        {
          const std::lock_guard lock(done.mutex);
          EXPECT_TRUE(done.by.emplace(task, place.name).second);
          shares.insert(threads);
          done.most = std::max(done.most, ++done.going_on);
        }
        const std::lock_guard lock(done.mutex);
        --done.going_on;
        return true;
      },
      [] {});
  EXPECT_EQ(left, 0U);
  EXPECT_EQ(done.by.size(), 20U);
  EXPECT_LE(done.most, 3U);
  EXPECT_EQ(*shares.begin(), 2U) << "each has its share of the cores, the last ones more";
}

TEST(RunPool, GivesTheTasksOfALostPlaceToTheOthers) {
  Done done;
  const Pool pool{{{"dies", 2}, {"lives", 1}}, 1};
  const std::size_t left = do_all(
      6, pool, std::atomic<bool>(false),
      [&](std::size_t task, const Place& place, std::size_t) {
        if (place.name == "dies") return false;
        const std::lock_guard lock(done.mutex);
        done.by[task] = place.name;
        return true;
      },
      [] {});
  EXPECT_EQ(left, 0U);
  EXPECT_EQ(done.by.size(), 6U);
}

TEST(RunPool, EndsWhereNoPlaceIsLeft) {
  const Pool pool{{{"dies", 2}, {"dies too", 1}}, 1};
  const auto nothing = [](std::size_t, const Place&, std::size_t) { return false; };
  EXPECT_EQ(do_all(4, pool, std::atomic<bool>(false), nothing, [] {}), 4U);
}

TEST(RunPool, BeginsNoTaskOnceItIsToStop) {
  std::atomic<bool> stop{false};
  std::atomic<int> begun{0};
  const std::size_t left = do_all(
      10, Pool{{{"", 1}}, 1}, stop,
      [&](std::size_t, const Place&, std::size_t) {
        stop = ++begun == 3;
        return true;
      },
      [] {});
  EXPECT_EQ(begun, 3);
  EXPECT_EQ(left, 7U);
}

TEST(RunPool, HasNothingToDoWithoutTasks) {
  EXPECT_EQ(do_all(0, Pool{{{"", 2}}, 1}, std::atomic<bool>(false), nullptr, [] {}), 0U);
}

}  // namespace
}  // namespace detox
