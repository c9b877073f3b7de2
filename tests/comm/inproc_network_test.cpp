#include "comm/inproc/inproc_network.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "comm/frame.hpp"

namespace detox {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kAnySize = std::size_t{1} << 30;

FrameBytes frame_of(std::size_t size, int value = 0) {
  return std::make_shared<const FrameBuffer>(size, static_cast<std::byte>(value));
}

TEST(InprocNetwork, CarriesFramesWithTheirSenderInOrder) {
  InprocNetwork network(3);
  network.endpoint(1).send(0, frame_of(1, 10));
  network.endpoint(2).send(0, frame_of(1, 20));
  network.endpoint(1).send(0, frame_of(1, 11));
  Transport& server = network.endpoint(0);
  for (const auto& [from, value] : {std::pair{1, 10}, {2, 20}, {1, 11}}) {
    const auto frame = server.receive(milliseconds(0), kAnySize);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->from, from);
    EXPECT_EQ(frame->bytes, *frame_of(1, value));
  }
  EXPECT_FALSE(server.receive(milliseconds(0), kAnySize).has_value());
}

TEST(InprocNetwork, WaitsTheTimeoutForASilentPeer) {
  InprocNetwork network(2);
  const auto start = steady_clock::now();
  EXPECT_FALSE(network.endpoint(0).receive(milliseconds(50), kAnySize).has_value());
  const auto waited = steady_clock::now() - start;
  EXPECT_GE(waited, milliseconds(50));
  EXPECT_LT(waited, std::chrono::seconds(30));  // not for ever
}

TEST(InprocNetwork, ShutsOutWhoSendsAFrameAboveTheLimit) {
  InprocNetwork network(3);
  Transport& server = network.endpoint(0);
  network.endpoint(1).send(0, frame_of(100));
  network.endpoint(1).send(0, frame_of(101));
  network.endpoint(1).send(0, frame_of(100));
  network.endpoint(2).send(0, frame_of(99));
  for (const std::size_t size : {100U, 99U}) {
    const auto frame = server.receive(milliseconds(0), 100);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->bytes.size(), size);
  }
  network.endpoint(1).send(0, frame_of(1));
  EXPECT_FALSE(server.receive(milliseconds(0), 100).has_value());
  EXPECT_TRUE(server.peer(1).shut_out);
  EXPECT_EQ(server.peer(1).offered, 1U);
  EXPECT_EQ(server.peer(1).oversized, 1U);
  EXPECT_FALSE(server.peer(2).shut_out);
  EXPECT_EQ(server.counters().frames_received, 2U);
  EXPECT_EQ(server.counters().bytes_received, 199U);
  EXPECT_EQ(network.endpoint(1).counters().bytes_sent, 302U);
  EXPECT_EQ(network.endpoint(1).counters().frames_sent, 4U);
}

TEST(InprocNetwork, IsStillHeardByWorkersWhereTheServersFrameIsTooLong) {
  InprocNetwork network(2);
  network.endpoint(0).send(1, frame_of(101));
  network.endpoint(0).send(1, frame_of(100));
  EXPECT_TRUE(network.endpoint(1).receive(milliseconds(0), 100).has_value());
  EXPECT_EQ(network.endpoint(1).peer(0).oversized, 1U);
}

TEST(InprocNetwork, ThrowsAwayWhatIsHereAndWhatComesOfARankThatIsShutOut) {
  InprocNetwork network(3);
  Transport& server = network.endpoint(0);
  network.endpoint(1).send(0, frame_of(1));
  network.endpoint(2).send(0, frame_of(2));
  server.shut_out(1);
  network.endpoint(1).send(0, frame_of(3));
  const auto frame = server.receive(milliseconds(0), kAnySize);
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->from, 2);
  EXPECT_FALSE(server.receive(milliseconds(0), kAnySize).has_value());
  EXPECT_TRUE(server.peer(1).shut_out);
}

TEST(InprocNetwork, ServesAServerAndManyWorkersOnTheirOwnThreads) {
  constexpr int kWorkers = 8;
  constexpr int kSteps = 200;
  InprocNetwork network(kWorkers + 1);
  std::vector<std::thread> workers;
  for (int rank = 1; rank <= kWorkers; ++rank) {
    workers.emplace_back([&network, rank] {
      Transport& end = network.endpoint(rank);
      for (int step = 0; step < kSteps; ++step) {
        const auto order = end.receive(std::chrono::seconds(200), kAnySize);
        ASSERT_TRUE(order.has_value());
        end.send(0, std::make_shared<const FrameBuffer>(order->bytes));
      }
    });
  }
  Transport& server = network.endpoint(0);
  int echoes = 0;
  for (int step = 0; step < kSteps; ++step) {
    const FrameBytes weights = frame_of(1000, step % 256);  // one copy for all
    for (int rank = 1; rank <= kWorkers; ++rank) server.send(rank, weights);
    for (int rank = 1; rank <= kWorkers; ++rank) {
      const auto answer = server.receive(std::chrono::seconds(200), kAnySize);
      ASSERT_TRUE(answer.has_value());
      echoes += answer->bytes == *weights ? 1 : 0;
    }
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(echoes, kWorkers * kSteps);
  EXPECT_TRUE(server.flush(-1, milliseconds(0)));
}

}  // namespace
}  // namespace detox
