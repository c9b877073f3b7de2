// What honest frames carry.
#include "comm/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <string>

#include "comm/frame_samples.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

TEST(Frame, CarriesTheTextOfAWelcomeAStartAndAReadyMessage) {
  const FrameBytes welcome = make_welcome("{\"worker\":1}");
  const FrameBytes start = make_start("{\"slices\":3}");
  const FrameBytes ready = make_ready("{\"profile\":\"x\"}");
  EXPECT_EQ(parse_welcome(reread(welcome)), "{\"worker\":1}");
  EXPECT_EQ(parse_start(reread(start)), "{\"slices\":3}");
  EXPECT_EQ(parse_ready(reread(ready)), "{\"profile\":\"x\"}");
}

TEST(Frame, CarriesAnOrderToAWorkerThatNobodySendsWeights) {
  const std::vector<Digest> digests = sample_digests(3);
  const FrameBytes frame =
      make_order({.step = 9, .slice = 2, .weights_from = kNobody, .weights_digests = digests});
  const auto order = parse_order(reread(frame), kSampleLimits, kSampleWeights);
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->step, 9U);
  EXPECT_EQ(order->slice, 2U);
  EXPECT_EQ(order->weights_from, kNobody);
  EXPECT_TRUE(order->relay_to.empty());
  EXPECT_TRUE(order->assignment.empty());
  EXPECT_THAT(order->weights_digests, ElementsAreArray(digests));
}

TEST(Frame, CarriesAnOrderThatAsksForNoSliceYet) {
  const std::vector<Digest> digests = sample_digests(3);
  const FrameBytes frame =
      make_order({.step = 9, .slice = kNoSlice, .weights_from = 2, .weights_digests = digests});
  const auto order = parse_order(reread(frame), kSampleLimits, kSampleWeights);
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->slice, kNoSlice);
  EXPECT_EQ(order->weights_from, 2U);
}

TEST(Frame, CarriesAnOrderWithRelaysAndEverybodysSlices) {
  const std::vector<Digest> digests = sample_digests(3);
  const std::vector<std::uint32_t> relay_to{5, 1}, assignment = sample_lists();
  const FrameBytes frame = make_order({.step = 1'000'000'000'000,
                                       .slice = 0,
                                       .weights_from = 3,
                                       .relay_to = relay_to,
                                       .assignment = assignment,
                                       .weights_digests = digests,
                                       .deadline_ms = 61'000});
  const auto order = parse_order(reread(frame), kSampleLimits, kSampleWeights);
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->step, 1'000'000'000'000U);
  EXPECT_EQ(order->slice, 0U);
  EXPECT_EQ(order->weights_from, 3U);
  EXPECT_THAT(order->relay_to, ElementsAre(5, 1));
  EXPECT_THAT(order->assignment, ElementsAreArray(assignment));
  EXPECT_EQ(order->deadline_ms, 61'000U);
  EXPECT_THAT(order->weights_digests, ElementsAreArray(digests));
}

TEST(Frame, CarriesAnOrderOfANetworkWithoutParameters) {
  const FrameBytes frame = make_order({.step = 1, .slice = 0, .weights_from = 0});
  const auto order = parse_order(reread(frame), kSampleLimits, {0, 4});
  ASSERT_TRUE(order.has_value());
  EXPECT_TRUE(order->weights_digests.empty());
}

TEST(Frame, CarriesAChunkOfWeightsBitByBitFromTwoPieces) {
  const std::vector<float> parameters{-0.0F, std::numeric_limits<float>::denorm_min(),
                                      std::numeric_limits<float>::quiet_NaN()};
  const std::vector<float> statistics{std::numeric_limits<float>::infinity()};
  const Chunks weights{32, 16};
  const FrameBytes frame = make_weights(1'000'000'000'000, 1, std::as_bytes(std::span(parameters)),
                                        std::as_bytes(std::span(statistics)));
  const auto chunk = parse_weights(reread(frame), weights);
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ(chunk->step, 1'000'000'000'000U);
  EXPECT_EQ(chunk->chunk, 1U);
  std::vector<std::byte> both = copy_of(std::as_bytes(std::span(parameters)));
  const std::vector<std::byte> rest = copy_of(std::as_bytes(std::span(statistics)));
  both.insert(both.end(), rest.begin(), rest.end());
  EXPECT_EQ(copy_of(chunk->bytes), both);
}

TEST(Frame, CarriesTheShorterLastChunk) {
  const FrameBytes weights = make_weights(1, 2, bytes_of_text("89"));
  EXPECT_EQ(parse_weights(reread(weights), kSampleWeights)->bytes.size(), 2U);
  const FrameBytes answer = make_chunk(
      {.step = 1, .slice = 0, .chunk = 2, .packed = false, .bytes = bytes_of_text("89A")});
  EXPECT_EQ(parse_chunk(reread(answer), kSampleAnswer)->bytes.size(), 3U);
}

TEST(Frame, CarriesWhichWeightsAreMissingAndWhy) {
  const std::vector<std::uint32_t> wanted{2, 0, 2};
  for (const AskReason reason :
       {AskReason::kNobodySends, AskReason::kNothingCame, AskReason::kWrongBytes}) {
    const FrameBytes frame = make_ask_weights({8, reason, wanted});
    const auto ask = parse_ask_weights(reread(frame), kSampleWeights);
    ASSERT_TRUE(ask.has_value());
    EXPECT_EQ(ask->step, 8U);
    EXPECT_EQ(ask->reason, reason);
    EXPECT_THAT(ask->chunks, ElementsAreArray(wanted));
  }
}

TEST(Frame, CarriesTheDigestsOfAnAnswer) {
  const std::vector<Digest> digests = sample_digests(4);
  const FrameBytes frame = make_digest(4, 11, std::as_bytes(std::span(digests)));
  const auto digest = parse_digest(reread(frame), kSampleAnswer);
  ASSERT_TRUE(digest.has_value());
  EXPECT_EQ(digest->step, 4U);
  EXPECT_EQ(digest->slice, 11U);
  EXPECT_EQ(copy_of(digest->bytes), copy_of(std::as_bytes(std::span(digests))));
}

TEST(Frame, CarriesARequestForAsManyChunksAsOneMayName) {
  std::vector<std::uint32_t> wanted(kMaxRequested);
  for (std::uint32_t i = 0; i < wanted.size(); ++i) wanted[i] = 3 * i;
  const FrameBytes frame = make_request(4, 11, wanted);
  const auto request = parse_request(reread(frame), {1000, 4});
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->step, 4U);
  EXPECT_EQ(request->slice, 11U);
  EXPECT_THAT(request->chunks, ElementsAreArray(wanted));
}

TEST(Frame, CarriesAChunkAsItIsAndPacked) {
  for (const bool packed : {false, true}) {
    const std::vector<std::byte> bytes = bytes_of_text(packed ? "zip" : "4567");
    const FrameBytes frame =
        make_chunk({.step = 4, .slice = 11, .chunk = 1, .packed = packed, .bytes = bytes});
    const auto chunk = parse_chunk(reread(frame), kSampleAnswer);
    ASSERT_TRUE(chunk.has_value());
    EXPECT_EQ(chunk->step, 4U);
    EXPECT_EQ(chunk->slice, 11U);
    EXPECT_EQ(chunk->chunk, 1U);
    EXPECT_EQ(chunk->packed, packed);
    EXPECT_EQ(copy_of(chunk->bytes), bytes);
  }
}

TEST(Frame, CarriesAFailureAsOneLineThatIsSafeOnATerminal) {
  const auto failure = parse_failure(reread(make_failure("bad\n\x1b[31mfile \xc2\x9b \x7f", 2)));
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->exit_code, 2);
  EXPECT_EQ(failure->line, "bad??[31mfile ?? ?");
}

TEST(Frame, LetsAFailureChooseNoExitCodeButThatOfAnErrorOrOfAUsageError) {
  for (const int code : {0, 1, 3, 130, 255}) {
    EXPECT_EQ(parse_failure(reread(make_failure("x", code)))->exit_code, 1) << code;
  }
  EXPECT_EQ(parse_failure(reread(make_failure("x", 2)))->exit_code, 2);
}

TEST(Frame, CutsALongFailure) {
  const auto failure = parse_failure(reread(make_failure(std::string(5000, 'x'), 1)));
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->line, std::string(kMaxFailureBytes, 'x'));
}

TEST(Frame, CarriesTheExitCodeOfAStop) { EXPECT_EQ(parse_stop(reread(make_stop(3))), 3); }

TEST(Frame, IsTakenByTheParserOfItsKindAlone) {
  for (const FrameBytes& frame : one_of_each_kind()) {
    const FrameView view = reread(frame);
    ASSERT_EQ(view.verdict, FrameVerdict::kOk);
    EXPECT_EQ(parsers_that_accept(view), 1) << static_cast<int>(view.kind);
  }
}

TEST(Frame, StartsItsPayloadAt64) {
  for (const FrameBytes& frame : one_of_each_kind()) {
    EXPECT_EQ(reread(frame).payload.size() + 64, frame->size());
  }
}

TEST(FrameLimits, AdmitEveryHonestFrame) {
  const std::vector<std::uint32_t> most(kMaxRequested), everybody(1000), lists(1300);
  const OrderLimits limits{.slices = 300, .workers = 1000, .seats = 1000, .ranks = 1000};
  for (const Chunks& chunks : {Chunks{0, 1}, Chunks{1, 1}, Chunks{16, kChunkBytes},
                               Chunks{3 * kChunkBytes + 1, kChunkBytes}, Chunks{4000, 1}}) {
    const std::vector<std::byte> chunk(chunks.chunk_bytes);
    const std::vector<Digest> weights(chunks.count()), answer(1 + chunks.count());
    const std::size_t from = max_frame_from_worker(chunks),
                      to = max_frame_to_worker(chunks, limits);
    EXPECT_GE(from, make_digest(1, 1, std::as_bytes(std::span(answer)))->size());
    EXPECT_GE(
        from,
        make_chunk({.step = 1, .slice = 1, .chunk = 0, .packed = false, .bytes = chunk})->size());
    EXPECT_GE(from, make_ask_weights({1, AskReason::kNobodySends, most})->size());
    EXPECT_GE(from, make_failure(std::string(5000, 'x'), 1)->size());
    EXPECT_GE(to, make_order({.step = 1,
                              .slice = 1,
                              .weights_from = 0,
                              .relay_to = everybody,
                              .assignment = lists,
                              .weights_digests = weights})
                      ->size());
    EXPECT_GE(to, make_weights(1, 0, chunk)->size());
    EXPECT_GE(to, make_request(1, 1, most)->size());
    EXPECT_GE(to, make_start(std::string(kMaxTextBytes, ' '))->size());
    EXPECT_GE(to, make_welcome(std::string(kMaxTextBytes, ' '))->size());
  }
}

TEST(FrameLimits, AreAChunkOfALongAnswerAndNotAllOfIt) {
  const Chunks answer{45'000'000};
  EXPECT_EQ(max_frame_from_worker(answer), kFrameHeaderBytes + kChunkBytes);
}

TEST(Chunks, AreAllAsLongButTheLast) {
  const Chunks chunks{11, 4};
  ASSERT_EQ(chunks.count(), 3U);
  std::string text = "0123456789A";
  EXPECT_EQ(copy_of(std::as_bytes(chunks.part(std::span(text), 0))), bytes_of_text("0123"));
  EXPECT_EQ(copy_of(std::as_bytes(chunks.part(std::span(text), 2))), bytes_of_text("89A"));
  EXPECT_EQ((Chunks{8, 4}).count(), 2U);
  EXPECT_EQ((Chunks{8, 4}).size(1), 4U);
  EXPECT_EQ((Chunks{0, 4}).count(), 0U);
}

}  // namespace
}  // namespace detox
