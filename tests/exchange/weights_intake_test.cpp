#include "exchange/weights_intake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "comm/inproc/inproc_network.hpp"
#include "exchange/answer_digests.hpp"
#include "support/manual_clock.hpp"
#include "support/transport_around.hpp"

namespace detox {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

/// A worker's end of a network, in a time of its own, that may stop taking in what is for one rank.
class ChokedTransport final : public TransportAround {
 public:
  using TransportAround::TransportAround;
  bool flush(int to, milliseconds timeout) override {
    flushed.insert(to);
    return to != choked && TransportAround::flush(to, timeout);
  }

  const Clock& clock() const override { return time; }

  int choked = -2;
  std::set<int> flushed;
  ManualClock time;
};

/// The worker of rank 3 in a network of six. The weights of step t are t, t + 1, ...: by default
/// seven parameters and two statistics in chunks of 16, 16 and 4 bytes.
class TakingIn {
 public:
  explicit TakingIn(std::size_t parameters = 7)
      : count_(parameters + 2), intake(transport, parameters, 2, 16) {}

  void expect(std::uint64_t step, std::uint32_t from, std::vector<std::uint32_t> to = {},
              std::uint64_t deadline_ms = 0) {
    const std::vector<float> weights = weights_of(step);
    std::vector<Digest> digests;
    for (std::size_t chunk = 0; chunk < intake.chunks().count(); ++chunk)
      digests.push_back(digest_of(intake.chunks().part(std::as_bytes(std::span(weights)), chunk)));
    digest = digest_of_chunks(digests);
    intake.expect({.step = step,
                   .slice = 0,
                   .weights_from = from,
                   .relay_to = to,
                   .weights_digests = digests,
                   .deadline_ms = deadline_ms});
  }

  /// A chunk comes, with `error` added to its weights.
  void come(int from, std::uint64_t step, std::size_t chunk, float error = 0) {
    std::vector<float> weights = weights_of(step);
    for (float& weight : weights) weight += error;
    const auto bytes = intake.chunks().part(std::as_bytes(std::span(weights)), chunk);
    ReceivedFrame frame{from, *make_weights(step, chunk, bytes)};
    const auto parsed = parse_weights(parse_frame(frame.bytes), intake.chunks());
    ASSERT_TRUE(parsed.has_value());
    intake.take(std::move(frame), *parsed);
  }

  struct Question {
    AskReason reason;
    std::vector<std::uint32_t> chunks;
  };
  /// What the server was asked since the last time.
  std::optional<Question> asked(std::uint64_t step) {
    const auto frame = network_.endpoint(0).receive(milliseconds(0), 1000);
    if (!frame) return std::nullopt;
    const auto ask = parse_ask_weights(parse_frame(frame->bytes), intake.chunks());
    if (!ask) return std::nullopt;
    EXPECT_EQ(ask->step, step);
    return Question{ask->reason, {ask->chunks.begin(), ask->chunks.end()}};
  }

  /// The chunks that were passed on to a rank.
  std::vector<std::size_t> passed_on_to(int rank) {
    std::vector<std::size_t> chunks;
    while (const auto frame = network_.endpoint(rank).receive(milliseconds(0), 1000)) {
      EXPECT_EQ(frame->from, 3);
      const auto chunk = parse_weights(parse_frame(frame->bytes), intake.chunks());
      if (!chunk) ADD_FAILURE() << "no weights";
      const std::vector<float> weights = weights_of(chunk->step);
      const auto right = intake.chunks().part(std::as_bytes(std::span(weights)), chunk->chunk);
      EXPECT_TRUE(std::ranges::equal(chunk->bytes, right));
      chunks.push_back(chunk->chunk);
    }
    return chunks;
  }

  void expect_whole(std::uint64_t step) {
    ASSERT_TRUE(intake.is_whole());
    EXPECT_EQ(intake.step(), step);
    std::vector<float> weights(intake.parameters().begin(), intake.parameters().end());
    weights.insert(weights.end(), intake.statistics().begin(), intake.statistics().end());
    EXPECT_EQ(weights, weights_of(step));
    EXPECT_EQ(intake.digest(), digest);
  }

  void pass(double seconds) { transport.time.pass(seconds); }
  /// When so much more time has passed.
  void look_after(double seconds) {
    pass(seconds);
    intake.look_after(transport.time.now());
  }

 private:
  std::vector<float> weights_of(std::uint64_t step) const {
    std::vector<float> weights(count_);
    std::iota(weights.begin(), weights.end(), static_cast<float>(step));
    return weights;
  }

  std::size_t count_;
  InprocNetwork network_{6};

 public:
  ChokedTransport transport{network_.endpoint(3)};
  WeightsIntake intake;
  Digest digest{};
};

TEST(WeightsIntake, TakesTheWeightsThatItsRelaySendsInAnyOrder) {
  TakingIn worker;
  worker.expect(5, 2);
  EXPECT_FALSE(worker.intake.is_whole());
  for (const std::size_t chunk : {2U, 0U, 0U, 1U}) worker.come(2, 5, chunk);
  worker.expect_whole(5);
  EXPECT_FALSE(worker.asked(5).has_value());
}

TEST(WeightsIntake, PassesEachChunkOnOnceAsItComes) {
  TakingIn worker;
  worker.expect(5, 2, {4, 5});
  for (const std::size_t chunk : {1U, 1U, 0U}) worker.come(2, 5, chunk);
  for (const int below : {4, 5}) EXPECT_THAT(worker.passed_on_to(below), ElementsAre(1, 0));
  worker.come(2, 5, 2);
  for (const int below : {4, 5}) EXPECT_THAT(worker.passed_on_to(below), ElementsAre(2));
  EXPECT_THAT(worker.passed_on_to(1), IsEmpty());
}

TEST(WeightsIntake, AsksTheServerWhereItsRelayAltersWeightsAndPassesNoneOfThemOn) {
  TakingIn worker;
  worker.expect(5, 2, {4});
  worker.come(2, 5, 0);
  worker.come(2, 5, 1, 0.5F);
  const auto question = worker.asked(5);
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(question->reason, AskReason::kWrongBytes);
  EXPECT_THAT(question->chunks, ElementsAre(1, 2));
  worker.come(2, 5, 2, 0.5F);
  EXPECT_FALSE(worker.asked(5).has_value());  // once is enough
  for (const std::size_t chunk : {1U, 2U}) worker.come(0, 5, chunk);
  worker.expect_whole(5);
  EXPECT_THAT(worker.passed_on_to(4), ElementsAre(0, 1, 2));
}

TEST(WeightsIntake, AsksTheServerWhereItsRelayIsSilent) {
  TakingIn worker;
  worker.expect(5, 2, {4});
  worker.look_after(0.1);
  EXPECT_FALSE(worker.asked(5).has_value());
  worker.look_after(0.6);
  const auto question = worker.asked(5);
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(question->reason, AskReason::kNothingCame);
  EXPECT_THAT(question->chunks, ElementsAre(0, 1, 2));
  for (const std::size_t chunk : {0U, 1U, 2U}) worker.come(0, 5, chunk);
  worker.expect_whole(5);
  EXPECT_THAT(worker.passed_on_to(4), ElementsAre(0, 1, 2));
}

TEST(WeightsIntake, AsksTheServerWhereItsRelayTricklesForMoreThanAShareOfTheDeadline) {
  TakingIn worker;
  worker.expect(5, 2, {}, 600);
  worker.pass(0.15);
  worker.come(2, 5, 1);
  worker.look_after(0.1);  // less than a relay may be silent
  const auto question = worker.asked(5);
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(question->reason, AskReason::kNothingCame);
  EXPECT_THAT(question->chunks, ElementsAre(0, 2));
}

TEST(WeightsIntake, AsksTheServerWhereItsRelayTricklesThoughOthersWereQuick) {
  TakingIn worker;
  for (const std::uint64_t step : {5U, 6U}) {
    worker.expect(step, 1);
    worker.pass(0.01);
    for (const std::size_t chunk : {0U, 1U, 2U}) worker.come(1, step, chunk);
  }
  worker.expect(7, 2);
  for (const std::size_t chunk : {0U, 1U}) {
    worker.look_after(0.19);  // less than a relay may be silent
    EXPECT_FALSE(worker.asked(7).has_value());
    worker.come(2, 7, chunk);
  }
  worker.look_after(0.05);
  const auto question = worker.asked(7);
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(question->reason, AskReason::kNothingCame);
  EXPECT_THAT(question->chunks, ElementsAre(2));
}

TEST(WeightsIntake, HasMorePatienceWhereAllRelaysAreSlow) {
  TakingIn worker;
  for (const std::uint64_t step : {5U, 6U}) {
    worker.expect(step, 1);
    for (const std::size_t chunk : {0U, 1U, 2U}) {
      worker.look_after(0.15);
      worker.come(1, step, chunk);
    }
    EXPECT_FALSE(worker.asked(step).has_value());
  }
  worker.expect(7, 2);
  for (const std::size_t chunk : {0U, 1U, 2U}) {
    for (int i = 0; i < 2; ++i) worker.look_after(0.09);
    worker.come(2, 7, chunk);
  }
  EXPECT_FALSE(worker.asked(7).has_value());
  worker.expect_whole(7);
}

TEST(WeightsIntake, TellsTheServerOfARelayThatWasTooLateForAStepThatIsOver) {
  TakingIn worker;
  worker.expect(5, 2);
  worker.pass(0.25);
  worker.expect(6, 1);
  const auto question = worker.asked(5);
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(question->reason, AskReason::kNothingCame);
  worker.expect(7, 0);
  worker.pass(0.25);
  worker.expect(8, 0);  // the server itself sends
  EXPECT_FALSE(worker.asked(7).has_value());
}

TEST(WeightsIntake, TakesWhatASlowRelaySendsAfterTheQuestionAllTheSame) {
  TakingIn worker;
  worker.expect(5, 2);
  worker.look_after(0.6);
  EXPECT_TRUE(worker.asked(5).has_value());
  worker.come(2, 5, 0);
  worker.come(0, 5, 1);
  worker.come(2, 5, 2);
  worker.expect_whole(5);
}

TEST(WeightsIntake, AsksTheServerAgainWhereItDoesNotHear) {
  TakingIn worker;
  worker.expect(5, kNobody);
  EXPECT_TRUE(worker.asked(5).has_value());
  worker.look_after(0.5);
  EXPECT_FALSE(worker.asked(5).has_value());
  worker.come(0, 5, 0);
  worker.look_after(1.1);
  const auto question = worker.asked(5);
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(question->reason, AskReason::kNobodySends);
  EXPECT_THAT(question->chunks, ElementsAre(1, 2));
}

TEST(WeightsIntake, AsksForEightChunksAtATimeWhereNobodySends) {
  TakingIn worker(4 * 20 - 2);
  worker.expect(5, kNobody);
  std::vector<std::size_t> sizes;
  while (const auto question = worker.asked(5)) {
    EXPECT_EQ(question->reason, AskReason::kNobodySends);
    sizes.push_back(question->chunks.size());
    for (const std::uint32_t chunk : question->chunks) worker.come(0, 5, chunk);
  }
  EXPECT_THAT(sizes, ElementsAre(8, 8, 4));
  worker.expect_whole(5);
}

TEST(WeightsIntake, WaitsForTheServerWhereThatSendsItself) {
  TakingIn worker;
  worker.expect(5, 0);
  worker.look_after(100);
  EXPECT_FALSE(worker.asked(5).has_value());
  for (const std::size_t chunk : {0U, 1U, 2U}) worker.come(0, 5, chunk);
  worker.expect_whole(5);
}

TEST(WeightsIntake, AsksForNothingOnceItIsWhole) {
  TakingIn worker;
  worker.expect(5, 2);
  for (const std::size_t chunk : {0U, 1U, 2U}) worker.come(2, 5, chunk);
  worker.look_after(100);
  EXPECT_FALSE(worker.asked(5).has_value());
}

TEST(WeightsIntake, KeepsWhatComesBeforeItsOrder) {
  TakingIn worker;
  worker.expect(5, 2);
  for (const std::size_t chunk : {0U, 1U}) worker.come(2, 5, chunk);
  for (const std::size_t chunk : {2U, 0U}) worker.come(1, 6, chunk);
  worker.come(1, 7, 1);
  worker.expect(6, 1, {4});
  worker.come(1, 6, 1);
  worker.expect_whole(6);
  EXPECT_THAT(worker.passed_on_to(4), ElementsAre(2, 0, 1));
  worker.expect(7, 1);
  for (const std::size_t chunk : {0U, 2U}) worker.come(1, 7, chunk);
  worker.expect_whole(7);
}

TEST(WeightsIntake, AsksAboutWrongBytesThatCameBeforeTheOrder) {
  TakingIn worker;
  worker.come(2, 5, 0, 0.5F);
  worker.expect(5, 2);
  const auto question = worker.asked(5);
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(question->reason, AskReason::kWrongBytes);
  EXPECT_FALSE(worker.asked(5).has_value());
}

TEST(WeightsIntake, IgnoresStepsThatAreOver) {
  TakingIn worker;
  worker.expect(5, 2);
  worker.expect(6, 2);
  for (const std::size_t chunk : {0U, 1U, 2U}) worker.come(2, 5, chunk);
  EXPECT_FALSE(worker.intake.is_whole());
  EXPECT_FALSE(worker.asked(6).has_value());
  for (const std::size_t chunk : {0U, 1U, 2U}) worker.come(2, 6, chunk);
  worker.expect_whole(6);
}

TEST(WeightsIntake, IgnoresStrangers) {
  TakingIn worker;
  worker.come(1, 5, 0);
  worker.come(1, 5, 1, 0.5F);
  worker.expect(5, 2, {4});
  for (const std::size_t chunk : {0U, 1U, 2U}) worker.come(1, 5, chunk);
  worker.come(4, 5, 2, 0.5F);
  EXPECT_FALSE(worker.intake.is_whole());
  EXPECT_FALSE(worker.asked(5).has_value());
  EXPECT_THAT(worker.passed_on_to(4), IsEmpty());
}

TEST(WeightsIntake, LosesNothingOfItsRelayToAFloodThatComesBeforeTheOrder) {
  TakingIn worker;
  worker.expect(5, 2);
  for (int time = 0; time < 1000; ++time) worker.come(1, 1'000'000, 0);
  for (const std::size_t chunk : {0U, 1U, 2U}) worker.come(2, 6, chunk);
  for (int time = 0; time < 1000; ++time) worker.come(1, 1'000'000, 0);
  worker.expect(6, 2);
  worker.expect_whole(6);
  for (const std::size_t chunk : {0U, 1U, 2U}) worker.come(2, 7, chunk);
  worker.expect(7, 2);
  worker.expect_whole(7);
}

TEST(WeightsIntake, PassesNothingOnToWhoHasNotTakenTheLast) {
  TakingIn worker;
  worker.transport.choked = 4;
  worker.expect(5, 2, {4, 5});
  for (const std::size_t chunk : {0U, 1U, 2U}) worker.come(2, 5, chunk);
  EXPECT_THAT(worker.passed_on_to(4), IsEmpty());
  EXPECT_THAT(worker.passed_on_to(5), ElementsAre(0, 1, 2));
  worker.transport.flushed.clear();
  worker.intake.finish_relaying();
  EXPECT_THAT(worker.transport.flushed, ElementsAre(5));  // and it does not wait for that one
}

TEST(WeightsIntake, WaitsOnceForWhoTakesNothingIn) {
  TakingIn worker;
  worker.expect(5, 2, {4, 5});
  worker.transport.choked = 4;
  worker.transport.flushed.clear();
  worker.intake.finish_relaying();
  EXPECT_THAT(worker.transport.flushed, ElementsAre(4, 5));
  worker.transport.choked = -2;
  worker.expect(6, 2, {4, 5});
  worker.transport.flushed.clear();
  worker.intake.finish_relaying();
  EXPECT_THAT(worker.transport.flushed, ElementsAre(5));
  worker.come(2, 6, 1);
  EXPECT_THAT(worker.passed_on_to(4), ElementsAre(1));  // it is sent its weights all the same
}

TEST(WeightsIntake, RelaysAgainWhenTheLastWasTaken) {
  TakingIn worker;
  worker.transport.choked = 4;
  worker.expect(5, 2, {4});
  worker.transport.choked = -2;
  worker.expect(6, 2, {4});
  worker.come(2, 6, 1);
  EXPECT_THAT(worker.passed_on_to(4), ElementsAre(1));
}

}  // namespace
}  // namespace detox
