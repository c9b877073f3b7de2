// What broken hardware sends: sdc's faults stay where they are, stale's answers are of the last
// step.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "stages/attack/attack_scene.hpp"

namespace detox {
namespace {

AttackInput input_of(std::uint64_t step, std::uint32_t worker, std::size_t slices = 1) {
  AttackInput input;
  input.step = step;
  input.worker = worker;
  input.slices = slices;
  input.key = key_from_seed(428);
  return input;
}

struct Hits {
  std::vector<std::size_t> places;
  std::set<std::uint32_t> flipped;  ///< which bits, of all that are no NaN
  std::size_t nan = 0;
};

/// Where what the machine sends is not what it was given.
Hits hits_of(const Values& own, std::uint64_t step, std::uint32_t worker) {
  AttackInput input = input_of(step, worker);
  input.own = own;
  Values out(own.size(), -12345.0F);
  ThreadPool pool(1);
  find_attack("sdc").make({})->corrupt(input, out, pool);
  Hits hits;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const auto before = std::bit_cast<std::uint32_t>(own[i]),
               after = std::bit_cast<std::uint32_t>(out[i]);
    if (before == after) continue;
    hits.places.push_back(i);
    constexpr std::uint32_t kQuietNan = 0x7fc00000;
    if (after == kQuietNan) {
      ++hits.nan;
    } else {
      hits.flipped.insert(before ^ after);
    }
  }
  return hits;
}

TEST(Sdc, FlipsTheSameBitsInTheSamePlacesWhateverTheStepAndTheValues) {
  const Values first = honest_rows(1, 70001)[0], second = honest_rows(1, 70001, 5, 3)[0];
  for (std::uint32_t worker = 0; worker < 40; ++worker) {
    const Hits hits = hits_of(first, 1, worker);
    ASSERT_FALSE(hits.places.empty()) << worker;
    EXPECT_EQ(hits_of(second, 7, worker).places, hits.places) << worker;
    EXPECT_LE(hits.flipped.size(), 1U) << worker;
    const std::set<std::uint32_t> later = hits_of(second, 8, worker).flipped;
    if (later.empty() || hits.flipped.empty()) continue;
    EXPECT_EQ(later, hits.flipped) << worker;
  }
}

TEST(Sdc, HitsCoordinatesThatAreOnePeriodOfWarpsApart) {
  const Values own = honest_rows(1, 1'000'003)[0];
  std::set<std::size_t> periods, firsts;
  for (std::uint32_t worker = 0; worker < 100; ++worker) {
    const std::vector<std::size_t> places = hits_of(own, 1, worker).places;
    ASSERT_TRUE(!places.empty() && places.size() <= 512) << worker;
    firsts.insert(places.front());
    for (std::size_t i = 1; i < places.size(); ++i) {
      EXPECT_EQ(places[i] - places[i - 1], places[1] - places[0]) << worker;
      periods.insert(places[i] - places[i - 1]);
    }
  }
  EXPECT_EQ(periods, (std::set<std::size_t>{32, 64, 128, 256, 512, 1024}));
  EXPECT_EQ(firsts.size(), 100U);
}

TEST(Sdc, IsNanInOneHitOfAHundredAndASingleBitInLessThanFourOfTen) {
  const Values own = honest_rows(1, 100'000)[0];
  double hits = 0, nan = 0, machines = 0, single = 0;
  for (std::uint32_t worker = 0; worker < 2000; ++worker) {
    const Hits found = hits_of(own, 1, worker);
    hits += static_cast<double>(found.places.size());
    nan += static_cast<double>(found.nan);
    if (found.flipped.empty()) continue;
    const int bits = std::popcount(*found.flipped.begin());
    EXPECT_TRUE(bits >= 1 && bits <= 8);
    machines += 1;
    single += bits == 1 ? 1 : 0;
  }
  EXPECT_NEAR(nan / hits, 0.01, 3 * std::sqrt(0.01 * 0.99 / hits));
  EXPECT_NEAR(single / machines, 0.375, 3 * std::sqrt(0.375 * 0.625 / machines));
}

TEST(Sdc, ShowsInAShareOfTheStepsThatIsTheMachinesOwn) {
  const auto attack = find_attack("sdc").make({});
  constexpr std::size_t kMachines = 100;
  constexpr double kSteps = 600;
  double all = 0, always = 0;
  for (std::uint32_t worker = 0; worker < kMachines; ++worker) {
    double shown = 0;
    for (std::uint64_t step = 1; step <= 600; ++step)
      shown += attack->strikes(input_of(step, worker)) ? 1 : 0;
    all += shown / kSteps;
    always += shown == kSteps ? 1 : 0;
    bool is_a_share = false;
    for (const double share : {1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625}) {
      const double error = 4 * std::sqrt(share * (1 - share) / kSteps);
      is_a_share = is_a_share || std::abs(shown / kSteps - share) <= error;
    }
    EXPECT_TRUE(is_a_share) << worker << " in " << shown;
  }
  // The shares' mean is 127 / 448, their deviation 0.332.
  EXPECT_NEAR(all / kMachines, 127.0 / 448, 3 * 0.332 / std::sqrt(kMachines));
  EXPECT_NEAR(always / kMachines, 1.0 / 7, 3 * std::sqrt(6.0 / 49 / kMachines));
}

TEST(Sdc, IsOtherBytesFromEachMachine) {
  const Values own = honest_rows(1, 10'000)[0];
  std::set<std::string> sent;
  ThreadPool pool(1);
  for (std::uint32_t worker = 0; worker < 200; ++worker) {
    AttackInput input = input_of(1, worker);
    input.own = own;
    Values out(own.size());
    find_attack("sdc").make({})->corrupt(input, out, pool);
    const auto bytes = std::as_bytes(std::span(out));
    sent.emplace(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  EXPECT_EQ(sent.size(), 200U);
}

TEST(Stale, IsForASliceOfTheStepBeforeEachAsLikely) {
  const auto attack = find_attack("stale").make({});
  EXPECT_FALSE(attack->strikes(input_of(1, 3, 5)));  // there was none before
  std::map<std::size_t, double> times;
  constexpr double kSteps = 5000;
  for (std::uint64_t step = 2; step <= 5001; ++step) {
    ASSERT_TRUE(attack->strikes(input_of(step, 3, 5)));
    const auto batch = attack->other_batch(input_of(step, 3, 5));
    ASSERT_TRUE(batch.has_value());
    EXPECT_EQ(batch->step, step - 1);
    times[batch->slice] += 1;
  }
  ASSERT_EQ(times.size(), 5U);
  for (const auto& [slice, count] : times)
    EXPECT_NEAR(count / kSteps, 0.2, 4 * std::sqrt(0.2 * 0.8 / kSteps)) << slice;
}

TEST(BrokenMachines, AreTheOnlyOnesThatDoNotCollude) {
  for (const AttackInfo& info : attacks()) {
    EXPECT_EQ(info.make({})->colludes(), info.name != "sdc" && info.name != "stale") << info.name;
    EXPECT_EQ(info.make({})->other_batch(input_of(2, 0)).has_value(), info.name == "stale");
    EXPECT_EQ(info.stays, info.name == "sdc") << info.name;
  }
}

}  // namespace
}  // namespace detox
