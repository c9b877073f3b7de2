// Liars that compute honestly, answer first, and deliver as late as they dare: what they cost the
// others, in a time that the test makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <limits>
#include <memory>

#include "exchange/answer_digests.hpp"
#include "exchange/answer_fetch.hpp"
#include "round/ballot.hpp"

namespace detox {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kHonestPace = 0.01, kTick = 0.005;

/// A server and nine workers, three of each of three slices; workers 0, 3 and 6 are the liars, who
/// always promise first.
class SlowLiars {
 public:
  SlowLiars(std::size_t chunks, double limit_s)
      : limit_s_(limit_s),
        chunks_{4 * chunks, 4},
        answer_(chunks_.bytes, std::byte{7}),
        fetch_(chunks_, kWorkers, kSlices, {2, 3}) {}

  struct Step {
    double seconds;  ///< until all answers are here
    bool whole;
    std::vector<LedgerEntry> ledger;
    std::size_t named() const {
      return static_cast<std::size_t>(std::ranges::count_if(ledger, [](const LedgerEntry& entry) {
        return entry.kind == Suspicion::kUndelivered && entry.worker % 3 == 0;
      }));
    }
  };
  /// A step in which a liar takes so long for each chunk.
  Step step(double delay_s) {
    Ballot ballot({.round = ++step_,
                   .assignment = assignment_,
                   .absent = absent_,
                   .answer_bytes = chunks_.bytes,
                   .enough = kSlices,
                   .recent = recent_});
    fetch_.begin_step(step_, at(0), limit_s_, ballot);
    queues_.assign(kWorkers, {});
    std::vector<std::vector<std::byte>> said;
    for (std::uint32_t worker = 0; worker < kWorkers; ++worker)
      said.push_back(digests_of_answer(
          {.step = step_, .slice = worker / 3, .weights = {}, .codec = "none", .d = 3}, chunks_,
          answer_));
    double now = 0;
    std::uint32_t turn = 0;
    while (now < limit_s_) {
      for (std::uint32_t slice = 0; turn < 3 && slice < kSlices; ++slice) {
        ballot.count({.round = step_,
                      .worker = 3 * slice + turn,
                      .slice = slice,
                      .bytes = said[3 * slice + turn],
                      .is_digest = true});
        fetch_.follow(slice);
      }
      for (std::uint32_t worker = 0; worker < kWorkers; ++worker) deliver(worker, now);
      for (fetch_.wait_for_all(); fetch_.taken() > 0; fetch_.wait_for_all()) fetch_.check(at(now));
      fetch_.check(at(now));
      fetch_.ask(at(now), [&](std::uint32_t worker, const FrameBytes& frame) {
        const auto request = parse_request(parse_frame(*frame), chunks_);
        ASSERT_TRUE(request.has_value());
        for (const std::uint32_t chunk : request->chunks)
          take_request(worker, chunk, now, worker % 3 == 0 ? delay_s : kHonestPace);
      });
      if (turn > 3 && fetch_.under_way() == 0) break;
      now = kTick * ++turn;
    }
    fetch_.end_step(at(now));
    return {now, ballot.unresolved().empty(), ballot.ledger()};
  }

 private:
  static constexpr std::size_t kWorkers = 9, kSlices = 3;
  struct Due {
    std::uint32_t chunk;
    double due_s;
  };
  static Clock::time_point at(double seconds) {
    return Clock::time_point() + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(1000 + seconds));
  }
  void take_request(std::uint32_t worker, std::uint32_t chunk, double now, double pace_s) {
    auto& queue = queues_[worker];
    queue.push_back({chunk, (queue.empty() ? now : queue.back().due_s) + pace_s});
  }
  void deliver(std::uint32_t worker, double now) {
    for (auto& queue = queues_[worker]; !queue.empty() && queue.front().due_s <= now;
         queue.pop_front()) {
      const std::uint32_t chunk = queue.front().chunk;
      ReceivedFrame frame{
          static_cast<int>(worker) + 1,
          *make_chunk({.step = step_,
                       .slice = worker / 3,
                       .chunk = chunk,
                       .packed = false,
                       .bytes = chunks_.part(std::span<const std::byte>(answer_), chunk)})};
      const auto parsed = parse_chunk(parse_frame(frame.bytes), chunks_);
      ASSERT_TRUE(parsed.has_value());
      EXPECT_TRUE(fetch_.take(worker, std::move(frame), *parsed));
    }
  }

  double limit_s_;
  Chunks chunks_;
  std::vector<std::byte> answer_;
  std::uint64_t step_ = 0;
  Assignment assignment_ = assignment_of({{0, 1, 2}, {3, 4, 5}, {6, 7, 8}}, 9);
  std::vector<bool> absent_ = std::vector<bool>(kWorkers);
  RecentSteps recent_;
  std::vector<std::deque<Due>> queues_;
  AnswerFetch fetch_;
};

/// What honest workers alone need for an answer.
double honest_s(std::size_t chunks) { return 0.1 + kHonestPace * static_cast<double>(chunks); }

class SlowLiarsOfAnAnswer : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(OfChunks, SlowLiarsOfAnAnswer, testing::Values(1, 7, 60));

TEST_P(SlowLiarsOfAnAnswer, DoNotMakeTheServerMorePatientUntilNothingComesAnyMore) {
  constexpr double kDeadline = 5;
  SlowLiars run(GetParam(), kDeadline);
  double delay_s = 0.2;
  for (int step = 1; step <= 40; ++step, delay_s = std::min(1.5 * delay_s, 0.9 * kDeadline)) {
    const SlowLiars::Step found = run.step(delay_s);
    EXPECT_TRUE(found.whole);
    EXPECT_LE(found.seconds, honest_s(GetParam()) + kDeadline / 6) << step;
    if (step > 3) {
      EXPECT_LE(found.seconds, honest_s(GetParam()) + 0.2) << step;
    }
  }
  for (int step = 1; step <= 8; ++step) {
    const SlowLiars::Step found = run.step(kNever);
    EXPECT_TRUE(found.whole);
    EXPECT_LE(found.seconds, honest_s(GetParam()) + 0.2) << step;
  }
}

TEST_P(SlowLiarsOfAnAnswer, CostAShareOfTheDeadlineInOneStepAndAreNamedAndAskedLast) {
  for (const double deadline_s : {5.0, 60.0}) {
    for (const double delay_s : {0.3, 0.6, 0.9, 1.5, 4.0, 12.0, kNever}) {
      SlowLiars run(GetParam(), deadline_s);
      const SlowLiars::Step first = run.step(delay_s);
      EXPECT_TRUE(first.whole);
      EXPECT_LE(first.seconds, honest_s(GetParam()) + std::min(2.0, deadline_s / 6)) << delay_s;
      for (int step = 2; step <= 30; ++step) {
        const SlowLiars::Step found = run.step(delay_s);
        EXPECT_TRUE(found.whole);
        EXPECT_LE(found.seconds, honest_s(GetParam()) + 0.2) << delay_s << ' ' << step;
        EXPECT_THAT(found.ledger, testing::SizeIs(found.named())) << "an honest one was named";
      }
      if (delay_s > 2) {
        EXPECT_EQ(first.named(), 3U) << delay_s;
      }
    }
  }
}

TEST(SlowLiars, AreAskedAgainSomeTimeAndNamedAgain) {
  SlowLiars run(7, 60);
  std::size_t named = 0;
  double seconds = 0;
  for (int step = 1; step <= 200; ++step) {
    const SlowLiars::Step found = run.step(kNever);
    named += found.named();
    seconds += found.seconds;
  }
  EXPECT_GE(named, 2U * 3U);
  EXPECT_LE(named, 4U * 3U);
  EXPECT_LE(seconds, 200 * honest_s(7) + 4);
}

}  // namespace
}  // namespace detox
