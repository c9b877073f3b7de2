#include "comm/simulated/simulated_network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace detox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Each;
using testing::ElementsAre;
using testing::SizeIs;

FrameBytes frame_with(std::size_t size, int value = 0) {
  return std::make_shared<const FrameBuffer>(size, static_cast<std::byte>(value));
}

int first_byte(const ReceivedFrame& frame) { return std::to_integer<int>(frame.bytes.front()); }

/// What rank 0 gets until nothing comes for a second: sender and value.
std::vector<std::pair<int, int>> all_that_comes(SimulatedNetwork& network) {
  std::vector<std::pair<int, int>> got;
  while (const auto frame = network.endpoint(0).receive(seconds(1), 100))
    got.emplace_back(frame->from, first_byte(*frame));
  return got;
}

/// Each of ranks 1 to 3 sends so many frames to rank 0.
std::vector<std::pair<int, int>> sent_by_three(std::uint64_t seed, int frames,
                                               std::uint64_t* trace = nullptr) {
  SimulatedNetwork network(4, {.seed = seed});
  std::vector<std::pair<int, int>> got;
  network.run([&](int rank) {
    if (rank == 0) {
      got = all_that_comes(network);
      return;
    }
    for (int i = 0; i < frames; ++i) {
      network.endpoint(rank).send(0, frame_with(8, i));
      network.pass(rank, 1e-4);
    }
  });
  if (trace != nullptr) *trace = network.trace();
  return got;
}

TEST(SimulatedNetwork, KeepsTheOrderOfEachSenderAndMixesTheSenders) {
  const auto got = sent_by_three(1, 20);
  EXPECT_THAT(got, SizeIs(60));
  std::map<int, int> next;
  for (const auto& [from, value] : got) EXPECT_EQ(value, next[from]++);
  std::set<std::vector<std::pair<int, int>>> orders;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) orders.insert(sent_by_three(seed, 20));
  EXPECT_THAT(orders, SizeIs(10));
}

TEST(SimulatedNetwork, HasOneCourseForASeed) {
  std::uint64_t first = 0, again = 0, other = 0;
  EXPECT_EQ(sent_by_three(7, 5, &first), sent_by_three(7, 5, &again));
  sent_by_three(8, 5, &other);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
}

TEST(SimulatedNetwork, LetsAnHourPassAtOnce) {
  SimulatedNetwork network(2, {.end = 10'000});
  network.run([&](int rank) {
    Transport& transport = network.endpoint(rank);
    const Clock::time_point begin = transport.clock().now();
    EXPECT_FALSE(transport.receive(seconds(3600), 100).has_value());
    EXPECT_NEAR(transport.clock().seconds_since(begin), 3600, 1e-3);
  });
  EXPECT_FALSE(network.was_cut_off());
}

TEST(SimulatedNetwork, LetsNobodyWaitBeyondItsEnd) {
  SimulatedNetwork network(2, {.end = 5});
  bool came_back = false;
  network.run([&](int rank) {
    network.endpoint(rank).receive(seconds(60), 100);
    came_back = true;
  });
  EXPECT_TRUE(network.was_cut_off());
  EXPECT_FALSE(came_back);
}

TEST(SimulatedNetwork, TakesAsLongAsWasSaidToCompute) {
  SimulatedNetwork network(2, {});
  network.run([&](int rank) {
    if (rank == 1) return network.endpoint(1).send(0, frame_with(8));
    network.pass(0, 2);
    EXPECT_NEAR(network.seconds(), 2, 0.01);
    EXPECT_TRUE(network.endpoint(0).receive(milliseconds(0), 100).has_value())
        << "it came meanwhile";
  });
}

TEST(SimulatedNetwork, KillsARankAndLosesAtMostItsLastFrames) {
  std::set<std::size_t> counts;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimulatedNetwork network(2, {.seed = seed, .least_latency = 0.01, .most_latency = 0.02});
    network.kill(1, 1);
    std::vector<std::pair<int, int>> got;
    bool survived = false;
    network.run([&](int rank) {
      if (rank == 0) {
        got = all_that_comes(network);
        return;
      }
      for (int i = 0; i < 1000; ++i) {
        network.endpoint(1).send(0, frame_with(8, i % 100));
        network.pass(1, 0.005);
      }
      survived = true;
    });
    EXPECT_FALSE(survived);
    EXPECT_TRUE(network.is_dead(1));
    EXPECT_FALSE(network.was_cut_off());
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_EQ(got[i].second, static_cast<int>(i % 100));
    EXPECT_GE(got.size(), 190U);
    EXPECT_LE(got.size(), 201U);
    counts.insert(got.size());
  }
  EXPECT_GT(counts.size(), 2U) << "not always the same number is lost";
}

TEST(SimulatedNetwork, HasForAPausedRankWhatCameMeanwhile) {
  SimulatedNetwork network(2, {});
  network.pause(0, 0.5, 10);
  network.run([&](int rank) {
    if (rank == 0) {
      network.pass(0, 1);
      EXPECT_NEAR(network.seconds(), 10.5, 0.01);
      EXPECT_THAT(all_that_comes(network), ElementsAre(std::pair(1, 1), std::pair(1, 2)));
      return;
    }
    network.pass(1, 2);
    network.endpoint(1).send(0, frame_with(8, 1));
    network.pass(1, 3);
    network.endpoint(1).send(0, frame_with(8, 2));
  });
  EXPECT_EQ(network.paused_seconds(0), 10);
}

TEST(SimulatedNetwork, HoldsALongFrameUntilItIsTakenIn) {
  SimulatedNetwork network(2, {.eager_bytes = 10});
  network.run([&](int rank) {
    Transport& transport = network.endpoint(rank);
    if (rank == 0) {
      network.pass(0, 3);
      while (transport.receive(seconds(1), 100)) continue;
      return;
    }
    transport.send(0, frame_with(10));
    EXPECT_TRUE(transport.flush(0, milliseconds(0)));
    transport.send(0, frame_with(11));
    EXPECT_FALSE(transport.flush(-1, milliseconds(1000)));
    EXPECT_NEAR(network.seconds(), 1, 0.01);
    EXPECT_TRUE(transport.flush(0, milliseconds(5000)));
    EXPECT_NEAR(network.seconds(), 3, 0.01);
  });
}

TEST(SimulatedNetwork, ShutsOutWhoSendsALongerFrameThanIsTaken) {
  SimulatedNetwork network(3, {});
  network.run([&](int rank) {
    Transport& transport = network.endpoint(rank);
    if (rank == 0) {
      EXPECT_THAT(all_that_comes(network), Each(std::pair(1, 0)));
      EXPECT_EQ(transport.peer(2).oversized, 1U);
      EXPECT_TRUE(transport.peer(2).shut_out);
      EXPECT_EQ(transport.peer(1).offered, 5U);
      return;
    }
    for (int i = 0; i < 5; ++i) transport.send(0, frame_with(rank == 2 ? 101 : 8));
  });
}

TEST(SimulatedNetwork, EndsTasksAtTimesThatTheSeedDecides) {
  const auto order_of = [](std::uint64_t seed) {
    SimulatedNetwork network(1, {.seed = seed, .least_task = 1e-6, .most_task = 1e-3});
    std::vector<int> order;
    network.run([&](int) {
      const auto tasks = network.tasks_of(0)(3);
      for (int i = 0; i < 9; ++i) tasks->add([&order, i](std::size_t) { order.push_back(i); });
      EXPECT_EQ(tasks->unfinished(), 9U);
      tasks->wait_until_at_most(4);
      EXPECT_THAT(order, SizeIs(5));
      tasks->wait_until_at_most(0);
    });
    return order;
  };
  EXPECT_EQ(order_of(3), order_of(3));
  std::set<std::vector<int>> orders;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) orders.insert(order_of(seed));
  EXPECT_GT(orders.size(), 5U);
}

TEST(SimulatedNetwork, TellsWhatHappens) {
  SimulatedNetwork network(2, {});
  std::vector<std::string> lines;
  network.tell_events([&](std::string_view line) { lines.emplace_back(line); });
  network.kill(1, 0.5);
  network.run([&](int rank) {
    if (rank == 1) network.endpoint(1).send(0, frame_with(8));
    network.endpoint(rank).receive(seconds(1), 100);
  });
  EXPECT_THAT(lines, testing::Contains(testing::HasSubstr("rank 0 gets a frame from 1: 8 bytes")));
  EXPECT_THAT(lines, testing::Contains("0.500000000 rank 1 dies"));
}

}  // namespace
}  // namespace detox
