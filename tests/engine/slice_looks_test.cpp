// What a frame costs the server does not depend on how many slices there are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <utility>

#include "engine/remote_fleet.hpp"
#include "exchange/answer_digests.hpp"
#include "round/ballot.hpp"
#include "stages/assign/placement.hpp"
#include "support/manual_clock.hpp"

namespace detox {
namespace {

constexpr Chunks kWeights{32, 8}, kAnswer{48, 8};
constexpr std::size_t kReplicas = 3;
constexpr double kFrameSeconds = 1e-5;

/// The server's end of a network of workers who answer at once, in the order in which they were
/// asked; their frames come one at a time.
class PromptWorkers final : public Transport {
 public:
  explicit PromptWorkers(std::size_t workers) : peers_(workers + 1) {}
  int rank() const override { return 0; }
  int size() const override { return static_cast<int>(peers_.size()); }
  void send(int to, FrameBytes frame) override {
    const FrameView view = parse_frame(*frame);
    const std::size_t workers = peers_.size() - 1;
    if (const auto order = parse_order(view, {workers, workers, workers, workers}, kWeights)) {
      const auto digests = digests_of_answer(
          {.step = order->step, .slice = order->slice, .weights = {}, .codec = "none", .d = 8},
          kAnswer, kBytes);
      frames_.push_back({to, *make_digest(order->step, order->slice, digests)});
    } else if (const auto request = parse_request(view, kAnswer)) {
      for (const std::uint32_t chunk : request->chunks) {
        const auto bytes = kAnswer.part(std::span<const std::byte>(kBytes), chunk);
        frames_.push_back({to, *make_chunk({.step = request->step,
                                            .slice = request->slice,
                                            .chunk = chunk,
                                            .packed = false,
                                            .bytes = bytes})});
      }
    }
  }
  const Clock& clock() const override { return clock_; }
  std::optional<ReceivedFrame> receive(std::chrono::milliseconds, std::size_t) override {
    clock_.pass(kFrameSeconds);
    is_pause_ = !is_pause_;
    if (is_pause_ || frames_.empty()) return std::nullopt;
    ReceivedFrame frame = std::move(frames_.front());
    frames_.pop_front();
    ++peers_[static_cast<std::size_t>(frame.from)].offered;
    ++counters_.frames_received;
    return frame;
  }
  void shut_out(int rank) override { peers_[static_cast<std::size_t>(rank)].shut_out = true; }
  const PeerCounters& peer(int rank) const override {
    return peers_[static_cast<std::size_t>(rank)];
  }
  bool flush(int, std::chrono::milliseconds) override { return true; }
  const TransportCounters& counters() const override { return counters_; }

 private:
  inline static const std::vector<std::byte> kBytes = std::vector<std::byte>(kAnswer.bytes);
  std::vector<PeerCounters> peers_;
  ManualClock clock_;  // what is done now and then counts by frames, however busy the machine is
  std::deque<ReceivedFrame> frames_;
  bool is_pause_ = true;
  TransportCounters counters_;
};

/// Votes, and how often somebody looks at one of the slices.
class WatchedVotes final : public StepVotes {
 public:
  explicit WatchedVotes(StepVotes& votes) : votes_(votes) {}
  std::vector<SliceOrder> take_orders() override { return votes_.take_orders(); }
  void pass_over(const SliceOrder& order) override { votes_.pass_over(order); }
  void make_do(std::uint32_t slice) override { votes_.make_do(slice); }
  bool ask_another(std::uint32_t slice) override { return votes_.ask_another(slice); }
  void count(const IncomingAnswer& answer) override { votes_.count(answer); }
  void note(const SliceOrder& of, Suspicion kind) override { votes_.note(of, kind); }
  void note(std::uint32_t worker, Suspicion kind) override { votes_.note(worker, kind); }
  SliceState state(std::uint32_t slice) const override {
    ++looks_;
    return votes_.state(slice);
  }
  std::optional<Majority> majority(std::uint32_t slice) const override {
    ++looks_;
    return votes_.majority(slice);
  }
  void settle(std::uint32_t slice, std::optional<std::span<const std::byte>> answer) override {
    votes_.settle(slice, answer);
  }
  bool has_enough() const override { return votes_.has_enough(); }
  std::size_t looks() const { return looks_; }

 private:
  StepVotes& votes_;
  mutable std::size_t looks_ = 0;
};

/// Looks at slices for each frame of a step in which all goes well.
double looks_a_frame(std::size_t slices) {
  PromptWorkers transport(kReplicas * slices);
  ThreadPool pool(1);
  const std::atomic<bool> stop{false};
  const Assignment assignment = fixed_placement({kReplicas * slices, slices, kReplicas});
  std::vector<int> ranks;
  for (std::uint32_t worker = 0; worker < kReplicas * slices; ++worker) {
    ranks.push_back(static_cast<int>(worker) + 1);
  }
  RemoteFleet fleet({.transport = transport,
                     .ranks = ranks,
                     .pool = pool,
                     .weights = kWeights,
                     .answer = kAnswer,
                     .slices = slices,
                     .by_digest = true,
                     .relays = false,
                     .send_assignment = false,
                     .stop = stop});
  const std::vector<bool> absent(kReplicas * slices);
  const std::vector<float> parameters(8);
  RecentSteps recent;
  Ballot ballot({.round = 1,
                 .assignment = assignment,
                 .absent = absent,
                 .answer_bytes = kAnswer.bytes,
                 .enough = slices,
                 .recent = recent});
  WatchedVotes votes(ballot);
  std::size_t bytes = 0;
  const FleetReport report = fleet.run_step(
      {.step = 1,
       .assignment = assignment,
       .absent = absent,
       .parameters = parameters,
       .statistics = {},
       .on_columns = [&](const ReadyColumns& columns) { bytes += columns.end - columns.begin; }},
      std::chrono::seconds(60), votes);
  EXPECT_TRUE(report.ended_early);
  EXPECT_THAT(ballot.unresolved(), testing::IsEmpty());
  EXPECT_EQ(bytes, kAnswer.bytes);
  return static_cast<double>(votes.looks()) /
         static_cast<double>(transport.counters().frames_received);
}

TEST(RemoteFleet, LooksAtAFewSlicesForEachFrameHoweverManyThereAre) {
  EXPECT_LT(looks_a_frame(2), 20);
  EXPECT_LT(looks_a_frame(200), 20);
}

}  // namespace
}  // namespace detox
