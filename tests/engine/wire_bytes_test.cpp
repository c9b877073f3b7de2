// How many bytes enter and leave the server in a step where nobody lies, by the transport's
// counters.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <thread>

#include "comm/inproc/inproc_network.hpp"
#include "engine/remote_fleet.hpp"
#include "exchange/answer_digests.hpp"
#include "round/ballot.hpp"
#include "stages/assign/placement.hpp"

namespace detox {
namespace {

constexpr std::size_t kCountedWorkers = 9, kCountedSlices = 3;
/// No chunk is asked for twice because this machine is busy.
constexpr double kPatienceSeconds = 600;
constexpr Chunks kCountedWeights{1'000'000}, kCountedAnswer{3'000'000};

std::vector<std::byte> answer_for(std::uint64_t step, std::uint32_t slice) {
  return std::vector<std::byte>(kCountedAnswer.bytes, static_cast<std::byte>(16 * step + slice));
}

/// Computes nothing, passes weights on and answers with bytes that it makes up.
void serve_made_up_answers(Transport& transport) {
  std::vector<int> below;
  std::vector<std::byte> answer;
  while (const auto received = transport.receive(std::chrono::seconds(300), 1U << 24U)) {
    const FrameView frame = parse_frame(received->bytes);
    if (parse_stop(frame)) return;
    if (parse_weights(frame, kCountedWeights)) {
      const auto copy = std::make_shared<const FrameBuffer>(received->bytes);
      for (const int rank : below) transport.send(rank, copy);
    } else if (const auto order = parse_order(
                   frame, {kCountedSlices, kCountedWorkers, kCountedWorkers, kCountedWorkers},
                   kCountedWeights)) {
      below.assign(order->relay_to.begin(), order->relay_to.end());
      answer = answer_for(order->step, order->slice);
      transport.send(0, make_digest(order->step, order->slice,
                                    digests_of_answer({.step = order->step,
                                                       .slice = order->slice,
                                                       .weights = {},
                                                       .codec = "none",
                                                       .d = 1},
                                                      kCountedAnswer, answer)));
    } else if (const auto request = parse_request(frame, kCountedAnswer)) {
      for (const std::uint32_t chunk : request->chunks) {
        const auto bytes = kCountedAnswer.part(std::span<const std::byte>(answer), chunk);
        transport.send(0, make_chunk({.step = request->step,
                                      .slice = request->slice,
                                      .chunk = chunk,
                                      .packed = false,
                                      .bytes = bytes}));
      }
    }
  }
  ADD_FAILURE() << "no stop";
}

TEST(WireBytes, OfAStepAreOneAnswerASliceAndTheWeightsTwice) {
  InprocNetwork network(kCountedWorkers + 1);
  std::vector<std::thread> workers;
  for (int rank = 1; rank <= static_cast<int>(kCountedWorkers); ++rank)
    workers.emplace_back([&network, rank] { serve_made_up_answers(network.endpoint(rank)); });
  Transport& server = network.endpoint(0);
  ThreadPool pool(2);
  const std::atomic<bool> stop{false};
  RemoteFleet fleet({.transport = server,
                     .ranks = {1, 2, 3, 4, 5, 6, 7, 8, 9},
                     .pool = pool,
                     .weights = kCountedWeights,
                     .answer = kCountedAnswer,
                     .slices = kCountedSlices,
                     .by_digest = true,
                     .relays = true,
                     .send_assignment = false,
                     .stop = stop,
                     .compression = "none",
                     .least_chunk_patience_s = kPatienceSeconds});
  const std::vector<float> parameters(kCountedWeights.bytes / sizeof(float));
  const std::vector<bool> absent(kCountedWorkers);
  RecentSteps recent;
  double least_in = std::numeric_limits<double>::infinity(), least_out = least_in;
  for (std::uint64_t step = 1; step <= 3; ++step) {
    const Assignment assignment = fixed_placement({kCountedWorkers, kCountedSlices, 1});
    Ballot ballot({.round = step,
                   .assignment = assignment,
                   .absent = absent,
                   .answer_bytes = kCountedAnswer.bytes,
                   .enough = kCountedSlices,
                   .recent = recent});
    const FleetReport report = fleet.run_step({.step = step,
                                               .assignment = assignment,
                                               .absent = absent,
                                               .parameters = parameters,
                                               .statistics = {}},
                                              std::chrono::seconds(300), ballot);
    ballot.close(report.ended_early);
    EXPECT_EQ(ballot.used().size(), kCountedSlices);
    if (ballot.used().size() != kCountedSlices) break;
    for (std::uint32_t slice = 0; slice < kCountedSlices; ++slice) {
      const std::vector<std::byte> expected = answer_for(step, slice);
      EXPECT_TRUE(std::ranges::equal(ballot.answer(slice), expected));
    }
    least_in = std::min(least_in, static_cast<double>(report.bytes_in));
    least_out = std::min(least_out, static_cast<double>(report.bytes_out));
  }
  stop_workers(server, 0);
  for (std::thread& worker : workers) worker.join();
  const auto answers = static_cast<double>(kCountedSlices * kCountedAnswer.bytes);
  const auto digests = static_cast<double>((128 + 32 * kCountedAnswer.count()) * kCountedWorkers);
  EXPECT_GE(least_in, answers);
  EXPECT_LE(least_in, 1.01 * answers + digests);
  EXPECT_LE(least_out, 1.01 * 2 * static_cast<double>(kCountedWeights.bytes) + digests);
}

}  // namespace
}  // namespace detox
