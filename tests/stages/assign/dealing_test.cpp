#include "stages/assign/dealing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace detox {
namespace {

const Key kKey = key_from_seed(428);

std::vector<bool> away(std::size_t workers, std::initializer_list<std::size_t> which = {}) {
  std::vector<bool> flags(workers);
  for (const std::size_t worker : which) flags[worker] = true;
  return flags;
}

std::size_t orders_of(const Assignment& assignment) {
  std::size_t orders = 0;
  for (const auto& list : assignment.workers_of_slice) orders += list.size();
  return orders;
}

std::size_t most_of_one(const Assignment& assignment) {
  std::size_t most = 0;
  for (const auto& slices : assignment.slices_of_worker) most = std::max(most, slices.size());
  return most;
}

constexpr Dealing kTenth{.workers = 45, .slices = 40, .copies = 1, .audit_rate = 0.1, .q = 5};

TEST(Dealing, GivesEachSliceItsCopiesAndSomeOneMoreToDifferentWorkers) {
  for (std::size_t workers = 2; workers <= 30; ++workers) {
    for (std::size_t copies = 1; copies <= std::min<std::size_t>(3, workers); ++copies) {
      for (const double rate : {0.0, 0.1, 0.5, 0.9}) {
        Dealing dealing{.workers = workers, .copies = copies, .audit_rate = rate, .q = 1};
        dealing.slices = std::max<std::size_t>(
            1, static_cast<std::size_t>(static_cast<double>(workers) /
                                        (static_cast<double>(copies) + rate)));
        const Assignment assignment = deal(dealing, away(workers), 0, 4, kKey, workers);
        std::size_t least = workers;
        for (std::uint32_t slice = 0; slice < dealing.slices; ++slice) {
          std::vector<std::uint32_t> all = assignment.workers_of_slice[slice];
          EXPECT_GE(all.size(), copies);
          EXPECT_LE(all.size(), copies + 1);
          const auto& spares = assignment.spares_of_slice[slice];
          EXPECT_EQ(spares.size(), std::min<std::size_t>(4, workers - all.size()));
          all.insert(all.end(), spares.begin(), spares.end());
          EXPECT_EQ(std::set(all.begin(), all.end()).size(), all.size());
        }
        for (const auto& slices : assignment.slices_of_worker)
          least = std::min(least, slices.size());
        EXPECT_LE(most_of_one(assignment), least + 1);
      }
    }
  }
}

TEST(Dealing, HasAsManySecondCopiesAsTheRateOnAverage) {
  for (const double rate : {0.1, 0.33, 0.07}) {
    Dealing dealing = kTenth;
    dealing.audit_rate = rate;
    dealing.slices = 30;
    const double mean = rate * 30;
    double sum = 0;
    for (std::uint64_t step = 1; step <= 2000; ++step) {
      const std::size_t audits = orders_of(deal(dealing, away(45), 0, 0, kKey, step)) - 30;
      EXPECT_TRUE(audits == static_cast<std::size_t>(mean) ||
                  audits == static_cast<std::size_t>(std::ceil(mean)));
      sum += static_cast<double>(audits);
    }
    EXPECT_NEAR(sum / 2000, mean, 3 * 0.5 / std::sqrt(2000));
  }
}

TEST(Dealing, NeedsTheKeyToBePredictedAndIsTheSameForIt) {
  const auto lists = [](const Key& key, std::uint64_t step) {
    return deal(kTenth, away(45), 0, 3, key, step).workers_of_slice;
  };
  EXPECT_EQ(lists(kKey, 7), lists(kKey, 7));
  EXPECT_NE(lists(kKey, 7), lists(kKey, 8));
  EXPECT_NE(lists(kKey, 7), lists(key_from_seed(429), 7));
}

TEST(Dealing, DrawsEveryWorkerAndEverySliceAlike) {
  constexpr int kSteps = 4000;
  std::map<std::uint32_t, double> by_worker, by_slice;
  double audits = 0;
  for (std::uint64_t step = 1; step <= kSteps; ++step) {
    const Assignment assignment = deal(kTenth, away(45), 0, 0, kKey, step);
    for (std::uint32_t slice = 0; slice < 40; ++slice) {
      const auto& workers = assignment.workers_of_slice[slice];
      if (workers.size() < 2) continue;
      ++audits;
      ++by_slice[slice];
      for (const std::uint32_t worker : workers) ++by_worker[worker];
    }
  }
  EXPECT_EQ(audits, 4 * kSteps);
  const auto limit = [](double mean) { return 4 * std::sqrt(mean); };
  for (const auto& [slice, count] : by_slice) EXPECT_NEAR(count, audits / 40, limit(audits / 40));
  for (const auto& [worker, count] : by_worker)
    EXPECT_NEAR(count, 2 * audits / 45, limit(2 * audits / 45));
}

TEST(Dealing, TellsAWorkerNothingOfWhetherItsSliceHasASecondCopy) {
  // 42 workers have 44 orders: two workers have two. Whatever such a worker sees of them, their
  // numbers and their order, the share that has a second copy is the same; with two orders it is a
  // little less, because none has two copies of one slice.
  const std::vector<bool> three = away(45, {3, 17, 30});
  struct Seen {
    double orders = 0, audited = 0;
    double share() const { return audited / orders; }
    double error() const { return std::sqrt(share() * (1 - share()) / orders); }
  };
  std::map<std::size_t, Seen> by_count;
  std::map<std::pair<std::size_t, std::size_t>, Seen> by_place;  // count, place among its orders
  std::map<bool, Seen> by_number;                                // low or high
  for (std::uint64_t step = 1; step <= 20000; ++step) {
    const Assignment assignment = deal(kTenth, three, 3, 0, kKey, step);
    for (const auto& slices : assignment.slices_of_worker) {
      for (std::size_t place = 0; place < slices.size(); ++place) {
        const bool audited = assignment.workers_of_slice[slices[place]].size() > 1;
        for (Seen* seen : {&by_count[slices.size()], &by_place[{slices.size(), place}],
                           &by_number[slices[place] < 20]}) {
          ++seen->orders;
          seen->audited += audited ? 1 : 0;
        }
      }
    }
  }
  const double share = 8.0 / 44;
  for (const Seen& seen : {by_count[1], by_number[false], by_number[true]})
    EXPECT_NEAR(seen.share(), share, 4 * seen.error() + share / 42);
  EXPECT_NEAR(by_count[2].share(), share, 4 * by_count[2].error() + share / 20);
  const Seen first = by_place[{2, 0}], second = by_place[{2, 1}];
  EXPECT_NEAR(first.share(), second.share(), 4 * (first.error() + second.error()));
}

TEST(Dealing, LeavesLiarsNoMoreSlicesThanTheRuleBearsWhoeverIsAway) {
  const auto owned = [](const Dealing& dealing, const Assignment& assignment, std::size_t liars) {
    std::vector<std::size_t> orders;
    for (const auto& slices : assignment.slices_of_worker) orders.push_back(slices.size());
    return dealing.rows_owned(most_orders(orders, liars));
  };
  for (const std::size_t copies : {1U, 2U, 3U}) {
    Dealing dealing{.workers = 24, .slices = 24 / copies, .copies = copies, .q = 4};
    if (copies == 1) dealing = {.workers = 24, .slices = 20, .audit_rate = 0.2, .q = 4};
    for (std::size_t gone = 0; gone <= 24; ++gone) {
      for (std::size_t out = 0; out <= std::min<std::size_t>(gone, 4); ++out) {
        std::vector<bool> flags(24);
        for (std::size_t i = 0; i < gone; ++i) flags[(i * 7) % 24] = true;
        const Assignment assignment = deal(dealing, flags, out, 2, kKey, gone + 1);
        EXPECT_LE(owned(dealing, assignment, 4 - out), dealing.f()) << gone << " " << out;
        for (std::size_t worker = 0; worker < 24; ++worker) {
          EXPECT_TRUE(!flags[worker] || assignment.slices_of_worker[worker].empty());
        }
        // Those who were put out cost nobody a slice, and copies only what nobody can compute.
        EXPECT_TRUE(gone != out || orders_of(assignment) / copies >= dealing.slices);
      }
    }
  }
}

TEST(Dealing, DealsFewerSecondCopiesBeforeItLeavesASliceOut) {
  // 43 of 45 are there, and nobody is known to lie: 44 orders would give a liar two.
  const Assignment two_dead = deal(kTenth, away(45, {0, 1}), 0, 0, kKey, 1);
  EXPECT_EQ(orders_of(two_dead), 43U);
  EXPECT_EQ(most_of_one(two_dead), 1U);
  // The same two put out: who is left owns no more than three.
  EXPECT_EQ(orders_of(deal(kTenth, away(45, {0, 1}), 2, 0, kKey, 1)), 44U);
  const Assignment six_dead = deal(kTenth, away(45, {0, 1, 2, 3, 4, 5}), 0, 0, kKey, 1);
  EXPECT_EQ(std::ranges::count_if(six_dead.workers_of_slice,
                                  [](const auto& list) { return list.empty(); }),
            1);
}

}  // namespace
}  // namespace detox
