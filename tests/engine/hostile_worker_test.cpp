// What a worker can do to the server's end of a step, without a run around it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/background_tasks.hpp"
#include "engine/remote_fleet.hpp"
#include "exchange/answer_digests.hpp"
#include "round/ballot.hpp"
#include "support/manual_clock.hpp"

namespace detox {
namespace {

using testing::Contains;
using testing::Not;

/// The server's end of a network in which frames come as a test says, in a time that it makes; the
/// orders go nowhere.
class ScriptedTransport final : public Transport {
 public:
  using Next = std::function<std::optional<ReceivedFrame>()>;
  ScriptedTransport(int size, Next next, ManualClock& clock)
      : size_(size), next_(std::move(next)), clock_(clock) {}
  int rank() const override { return 0; }
  int size() const override { return size_; }
  void send(int, FrameBytes) override {}
  std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout, std::size_t) override {
    auto frame = next_();
    if (!frame || peer_[frame->from].shut_out) {
      clock_.pass(timeout);
      return std::nullopt;
    }
    ++peer_[frame->from].offered;
    clock_.pass(kFrameSeconds);
    return frame;
  }
  void shut_out(int rank) override { peer_[rank].shut_out = true; }
  const PeerCounters& peer(int rank) const override { return peer_[rank]; }
  bool flush(int, std::chrono::milliseconds) override { return true; }
  const TransportCounters& counters() const override { return counters_; }
  const Clock& clock() const override { return clock_; }

 private:
  static constexpr double kFrameSeconds = 1e-5;

  int size_;
  Next next_;
  ManualClock& clock_;
  mutable std::map<int, PeerCounters> peer_;
  TransportCounters counters_;
};

/// Each is done as soon as it is handed over.
class TasksAtOnce final : public BackgroundTasks {
 public:
  void add(std::function<void(std::size_t)> task) override { task(0); }
  std::size_t unfinished() override { return 0; }
  void wait_until_at_most(std::size_t) override {}
};

/// Three workers, of one slice; steps of a network of eight parameters over frames that a test
/// makes up.
class ScriptedRun {
 public:
  ScriptedRun(ManualClock& clock, ScriptedTransport::Next next, std::size_t q = 0,
              std::size_t f_eff = 0)
      : transport_(4, std::move(next), clock),
        fleet_({.transport = transport_,
                .ranks = {1, 2, 3},
                .pool = pool_,
                .weights = {32, 8},
                .answer = kAnswer,
                .slices = 1,
                .by_digest = true,
                .relays = true,
                .send_assignment = false,
                .stop = stop_,
                .q = q,
                .f_eff = f_eff,
                .make_tasks = [](std::size_t) { return std::make_unique<TasksAtOnce>(); }}) {}
  static constexpr Chunks kAnswer{48, 8};

  std::vector<LedgerEntry> step(std::uint64_t number, double seconds) {
    const std::vector<float> parameters(8);
    Ballot ballot({.round = number,
                   .assignment = assignment_,
                   .absent = absent_,
                   .answer_bytes = 48,
                   .enough = 1,
                   .recent = recent_});
    report = fleet_.run_step({.step = number,
                              .assignment = assignment_,
                              .absent = absent_,
                              .parameters = parameters,
                              .statistics = {}},
                             std::chrono::duration<double>(seconds), ballot);
    is_whole = ballot.unresolved().empty();
    return ballot.ledger();
  }
  std::uint64_t rejected() const { return fleet_.rejected_frames(); }
  FleetReport report;  ///< of the latest step
  bool is_whole = false;

 private:
  ThreadPool pool_{1};
  std::atomic<bool> stop_{false};
  ScriptedTransport transport_;
  RemoteFleet fleet_;
  Assignment assignment_ = assignment_of({{0, 1, 2}}, 3);
  std::vector<bool> absent_ = std::vector<bool>(3);
  RecentSteps recent_;
};

class HostileWorker : public testing::Test {
 protected:
  ManualClock clock;
};

TEST_F(HostileWorker, DoesNotKeepTheServerFromItsDeadlineByAFloodWithoutEnd) {
  ScriptedRun run(clock, [] { return ReceivedFrame{1, *make_wait()}; });
  const auto begin = clock.now();
  run.step(1, 0.2);
  EXPECT_GE(clock.seconds_since(begin), 0.2);
  EXPECT_LT(clock.seconds_since(begin), 0.3);
  EXPECT_GT(run.rejected(), 0U);
}

/// The frames of a worker that answers every order, but always one step later than the server
/// remembers orders; a digest of another slice does not make a difference.
TEST_F(HostileWorker, IsNoneWhereItsAnswersAreLateByMoreStepsThanAreRemembered) {
  std::optional<ReceivedFrame> next;
  ScriptedRun run(clock, [&] { return std::exchange(next, std::nullopt); });
  const std::vector<std::byte> digests(7 * sizeof(Digest));
  for (std::uint64_t step = 1; step <= 12; ++step) {
    if (step > 4) next = ReceivedFrame{1, *make_digest(step - 4, 0, digests)};
    run.step(step, 0.05);
  }
  EXPECT_EQ(run.rejected(), 0U);
}

/// Each order excuses one answer.
TEST_F(HostileWorker, IsCountedWhereItSendsMoreLateAnswersThanItWasAskedFor) {
  std::deque<ReceivedFrame> frames;
  ScriptedRun run(clock, [&]() -> std::optional<ReceivedFrame> {
    if (frames.empty()) return std::nullopt;
    ReceivedFrame frame = std::move(frames.front());
    frames.pop_front();
    return frame;
  });
  const std::vector<std::byte> digests(7 * sizeof(Digest));
  for (std::uint64_t step = 1; step <= 6; ++step) {
    if (step == 6) frames.assign(10, ReceivedFrame{1, *make_digest(1, 0, digests)});
    run.step(step, step == 6 ? 2 : 0.05);
  }
  EXPECT_EQ(run.rejected(), 4U);  // of ten, for six orders
}

TEST_F(HostileWorker, IsShutOutAndAccusedWhereItFloods) {
  ScriptedRun run(clock, [] { return ReceivedFrame{1, *make_wait()}; });
  EXPECT_THAT(run.step(1, 0.5), Contains(LedgerEntry{1, 0, 0, Suspicion::kFlood}));
  const std::uint64_t rejected = run.rejected();
  EXPECT_LT(rejected, 5000U);
  run.step(2, 0.1);
  EXPECT_EQ(run.rejected(), rejected);  // nothing of it is looked at
}

/// Everybody complains of whoever relays to him, in a question for weights of that step.
ScriptedTransport::Next complaints_about(std::uint64_t step) {
  return [step, sent = 0]() mutable -> std::optional<ReceivedFrame> {
    constexpr int kWorkers = 3;
    if (sent == kWorkers) return std::nullopt;
    const std::vector<std::uint32_t> wanted{0};
    return ReceivedFrame{++sent, *make_ask_weights({step, AskReason::kNothingCame, wanted})};
  };
}

using testing::Field;

TEST_F(HostileWorker, ComplainsOfItsRelayOfTheStepThatItNames) {
  // In step 1 the order of the tree begins at worker 1: it relays to worker 0, and to nobody else.
  for (const std::uint64_t said_in : {1U, 2U, 3U, 4U}) {
    std::function<std::optional<ReceivedFrame>()> next;
    ScriptedRun run(clock, [&] { return next ? next() : std::nullopt; });
    for (const std::uint64_t step : {1U, 2U, 3U}) {
      if (step == said_in) next = complaints_about(1);
      const std::vector<LedgerEntry> ledger = run.step(step, 0.05);
      if (step == 3 && said_in <= 3) {
        EXPECT_THAT(ledger, Contains(LedgerEntry{3, 0, 1, Suspicion::kBadRelay})) << said_in;
      } else {
        EXPECT_THAT(ledger, Not(Contains(Field(&LedgerEntry::kind, Suspicion::kBadRelay))));
      }
    }
  }
}

TEST_F(HostileWorker, NamesNobodyByAComplaintThatALiarCouldHaveMade) {
  ScriptedRun run(clock, complaints_about(1), 1);
  for (const std::uint64_t step : {1U, 2U, 3U, 4U}) {
    EXPECT_THAT(run.step(step, 0.05),
                Not(Contains(Field(&LedgerEntry::kind, Suspicion::kBadRelay))));
  }
}

/// The first two workers promise the same answer in step 1 once `when` says so, and deliver when
/// the server has looked twice again.
ScriptedTransport::Next two_answers(const std::function<bool()>& when) {
  const std::vector<std::byte> answer(ScriptedRun::kAnswer.bytes, std::byte{7});
  return [when, answer, sent = 0U]() mutable -> std::optional<ReceivedFrame> {
    constexpr std::uint32_t kDigests = 2, kLooks = 2;
    const Chunks chunks = ScriptedRun::kAnswer;
    if (sent == 0 && !when()) return std::nullopt;
    const std::uint32_t at = sent++;
    if (at < kDigests) {
      return ReceivedFrame{
          static_cast<int>(at) + 1,
          *make_digest(
              1, 0,
              digests_of_answer({.step = 1, .slice = 0, .weights = {}, .codec = "none", .d = 8},
                                chunks, answer))};
    }
    const std::uint32_t chunk = at - kDigests - kLooks;
    if (at < kDigests + kLooks || chunk >= chunks.count()) return std::nullopt;
    return ReceivedFrame{
        static_cast<int>(chunk % 2) + 1,
        *make_chunk({.step = 1,
                     .slice = 0,
                     .chunk = chunk,
                     .packed = false,
                     .bytes = chunks.part(std::span<const std::byte>(answer), chunk)})};
  };
}

TEST_F(HostileWorker, IsNoHonestOneWhoseAnswerLayInTheQueueOfAServerThatStoodStill) {
  ScriptedRun run(clock, two_answers([this] {
                    clock.pass(0.8);
                    return true;
                  }));
  EXPECT_THAT(run.step(1, 0.5), testing::IsEmpty());
  EXPECT_TRUE(run.is_whole);
  EXPECT_TRUE(run.report.ended_early);
}

TEST_F(HostileWorker, MovesNoDeadlineByWhatLiarsCanHoldUpAlone) {
  constexpr double kHeldUpSeconds = 0.4, kPollSeconds = 0.1;
  for (const std::size_t f_eff : {0U, 1U}) {
    const auto begin = clock.now();
    ScriptedRun run(clock, two_answers([&] {
                      clock.pass(0.01);
                      return clock.seconds_since(begin) > kHeldUpSeconds;
                    }),
                    0, f_eff);
    run.step(1, 60);
    EXPECT_TRUE(run.is_whole);
    if (f_eff == 0) {
      EXPECT_LE(run.report.in_vain_s, kPollSeconds);
    } else {
      EXPECT_GE(run.report.in_vain_s, kHeldUpSeconds - kPollSeconds);
    }
  }
}

TEST_F(HostileWorker, IsNotCountedWhereItsChunkOfAnEarlierStepComesLate) {
  const std::vector<std::byte> bytes(8);
  std::uint64_t step = 0;
  std::optional<ReceivedFrame> next;
  ScriptedRun run(clock, [&] { return std::exchange(next, std::nullopt); });
  for (const auto& [chunk_of, rejected] : {std::pair{0U, 1U}, {1U, 1U}, {2U, 1U}, {9U, 2U}}) {
    next = ReceivedFrame{
        1,
        *make_chunk({.step = chunk_of, .slice = 0, .chunk = 0, .packed = false, .bytes = bytes})};
    run.step(++step, 0.05);
    EXPECT_EQ(run.rejected(), rejected) << chunk_of;
  }
}

}  // namespace
}  // namespace detox
