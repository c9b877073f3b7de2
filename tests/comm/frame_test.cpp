#include "comm/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace detox {
namespace {

using testing::ElementsAre;

FrameView reread(const FrameBytes& frame) { return parse_frame(*frame); }

std::vector<std::byte> bytes_of(const FrameBytes& frame) { return *frame; }

std::vector<std::byte> as_bytes(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

std::vector<std::uint32_t> bits(std::span<const float> values) {
  std::vector<std::uint32_t> words;
  for (const float value : values) words.push_back(std::bit_cast<std::uint32_t>(value));
  return words;
}

FrameVerdict verdict_of(const std::vector<std::byte>& bytes) { return parse_frame(bytes).verdict; }

/// Every parser on one frame, with expectations that would fit an honest one.
int parses_that_accept(const FrameView& view) {
  int accepted = 0;
  accepted += parse_welcome(view).has_value();
  accepted += parse_ready(view).has_value();
  accepted += parse_weights(view, 2, 1).has_value();
  accepted += parse_order(view, 15, 3).has_value();
  accepted += parse_answer(view, 5).has_value();
  accepted += parse_failure(view).has_value();
  accepted += parse_stop(view).has_value();
  accepted += parse_wait(view) ? 1 : 0;
  return accepted;
}

std::vector<FrameBytes> one_of_each_kind() {
  const std::vector<float> parameters{1.5F, -2.5F};
  const std::vector<float> statistics{3.5F};
  const std::vector<std::uint32_t> assignment{0, kNoSlice, 14};
  return {make_welcome("{\"worker\":1}"),
          make_ready("{}"),
          make_weights(7, parameters, statistics),
          make_order(7, 14, assignment),
          make_answer(7, 14, as_bytes("12345")),
          make_failure("no such file", 1),
          make_stop(3),
          make_wait()};
}

TEST(Frame, CarriesAWelcomeAndAReadyMessage) {
  const FrameBytes welcome = make_welcome("{\"worker\":1}");
  const FrameBytes ready = make_ready("{\"profile\":\"x\"}");
  EXPECT_EQ(parse_welcome(reread(welcome)), "{\"worker\":1}");
  EXPECT_EQ(parse_ready(reread(ready)), "{\"profile\":\"x\"}");
}

TEST(Frame, CarriesWeightsBitByBit) {
  const std::vector<float> parameters{-0.0F, std::numeric_limits<float>::denorm_min(),
                                      std::numeric_limits<float>::quiet_NaN()};
  const std::vector<float> statistics{std::numeric_limits<float>::infinity()};
  const FrameBytes frame = make_weights(1'000'000'000'000, parameters, statistics);
  const auto weights = parse_weights(reread(frame), 3, 1);
  ASSERT_TRUE(weights.has_value());
  EXPECT_EQ(weights->step, 1'000'000'000'000U);
  EXPECT_EQ(bits(weights->parameters), bits(parameters));
  EXPECT_EQ(bits(weights->statistics), bits(statistics));
}

TEST(Frame, RefusesWeightsOfAnotherNetwork) {
  const std::vector<float> values(4, 1.0F);
  const FrameBytes frame = make_weights(1, values, {});
  EXPECT_TRUE(parse_weights(reread(frame), 4, 0).has_value());
  EXPECT_FALSE(parse_weights(reread(frame), 3, 1).has_value());
  EXPECT_FALSE(parse_weights(reread(frame), 5, 0).has_value());
  EXPECT_FALSE(parse_weights(reread(frame), 4, 1).has_value());
}

TEST(Frame, CarriesAnOrderWithAndWithoutEverybodysSlices) {
  const FrameBytes plain = make_order(9, 2);
  const auto alone = parse_order(reread(plain), 3, 9);
  ASSERT_TRUE(alone.has_value());
  EXPECT_EQ(alone->step, 9U);
  EXPECT_EQ(alone->slice, 2U);
  EXPECT_TRUE(alone->assignment.empty());

  const std::vector<std::uint32_t> assignment{2, kNoSlice, 0};
  const FrameBytes full = make_order(9, 2, assignment);
  const auto order = parse_order(reread(full), 3, 3);
  ASSERT_TRUE(order.has_value());
  EXPECT_THAT(order->assignment, ElementsAre(2, kNoSlice, 0));
}

TEST(Frame, RefusesOrdersForSlicesOrWorkersThatDoNotExist) {
  EXPECT_FALSE(parse_order(reread(make_order(9, 3)), 3, 3).has_value());
  EXPECT_FALSE(parse_order(reread(make_order(9, kNoSlice)), 3, 3).has_value());
  const std::vector<std::uint32_t> wrong_slice{0, 3, 1};
  EXPECT_FALSE(parse_order(reread(make_order(9, 0, wrong_slice)), 3, 3).has_value());
  const std::vector<std::uint32_t> too_few{0, 1};
  EXPECT_FALSE(parse_order(reread(make_order(9, 0, too_few)), 3, 3).has_value());
}

TEST(Frame, CarriesAnAnswerOfExactlyTheExpectedLength) {
  const FrameBytes frame = make_answer(4, 11, as_bytes("gradient"));
  const auto answer = parse_answer(reread(frame), 8);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->step, 4U);
  EXPECT_EQ(answer->slice, 11U);
  EXPECT_EQ(std::vector(answer->bytes.begin(), answer->bytes.end()), as_bytes("gradient"));
  EXPECT_FALSE(parse_answer(reread(frame), 7).has_value());
  EXPECT_FALSE(parse_answer(reread(frame), 9).has_value());
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
    EXPECT_EQ(parses_that_accept(view), 1) << static_cast<int>(view.kind);
  }
}

TEST(Frame, StartsItsPayloadAt64) {
  for (const FrameBytes& frame : one_of_each_kind()) {
    EXPECT_EQ(reread(frame).payload.size() + 64, frame->size());
  }
}

TEST(HostileFrame, IsRefusedAtEveryShorterAndLongerLength) {
  for (const FrameBytes& frame : one_of_each_kind()) {
    for (std::size_t length = 0; length < frame->size(); ++length) {
      std::vector<std::byte> cut(frame->begin(),
                                 frame->begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_EQ(verdict_of(cut),
                length < 64 ? FrameVerdict::kTooShort : FrameVerdict::kWrongLength);
    }
    std::vector<std::byte> longer = bytes_of(frame);
    longer.push_back(std::byte{0});
    EXPECT_EQ(verdict_of(longer), FrameVerdict::kWrongLength);
  }
}

/// The second worker's answer with `value` written over what stands at `offset`.
template <class T>
std::vector<std::byte> answer_with(std::size_t offset, T value) {
  std::vector<std::byte> bytes = bytes_of(make_answer(4, 11, as_bytes("gradient")));
  std::memcpy(bytes.data() + offset, &value, sizeof value);
  return bytes;
}

TEST(HostileFrame, IsToldWhatIsWrongWithItsHeader) {
  EXPECT_EQ(verdict_of(answer_with<std::uint32_t>(0, 0)), FrameVerdict::kBadMagic);
  EXPECT_EQ(verdict_of(answer_with<std::uint16_t>(4, 2)), FrameVerdict::kWrongVersion);
  EXPECT_EQ(verdict_of(answer_with<std::uint16_t>(6, 0)), FrameVerdict::kUnknownKind);
  EXPECT_EQ(verdict_of(answer_with<std::uint16_t>(6, 9)), FrameVerdict::kUnknownKind);
  EXPECT_EQ(verdict_of(answer_with<std::uint32_t>(20, 1)), FrameVerdict::kBadField);
  EXPECT_EQ(verdict_of(answer_with<std::uint64_t>(32, 1)), FrameVerdict::kBadField);
  EXPECT_EQ(verdict_of(answer_with<std::uint64_t>(56, 1)), FrameVerdict::kBadField);
}

TEST(HostileFrame, CannotLieAboutItsLength) {
  for (const std::uint64_t lie :
       {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{9},
        std::numeric_limits<std::uint64_t>::max(), std::uint64_t{0} - 56, std::uint64_t{0} - 64}) {
    EXPECT_EQ(verdict_of(answer_with(24, lie)), FrameVerdict::kWrongLength) << lie;
  }
}

TEST(HostileFrame, CannotPassParameterBytesThatWrapAround) {
  const std::vector<float> values(4, 1.0F);
  std::vector<std::byte> bytes = bytes_of(make_weights(1, values, {}));
  const std::uint64_t lie = std::numeric_limits<std::uint64_t>::max() - 3;
  std::memcpy(bytes.data() + 32, &lie, sizeof lie);
  EXPECT_FALSE(parse_weights(parse_frame(bytes), 4, 0).has_value());
}

TEST(HostileFrame, CannotNameAnExitCodeThatNoProcessHas) {
  for (const FrameBytes& frame : {make_stop(0), make_failure("x", 0)}) {
    std::vector<std::byte> bytes = bytes_of(frame);
    bytes[33] = std::byte{1};
    EXPECT_EQ(parses_that_accept(parse_frame(bytes)), 0);
  }
}

TEST(HostileFrame, OfRandomBytesIsNeverTakenForAnother) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes = bytes_of(one_of_each_kind()[random() % 8]);
    for (int flips = 0; flips < 3; ++flips)
      bytes[random() % bytes.size()] ^= std::byte(1U << random() % 8);
    EXPECT_LE(parses_that_accept(parse_frame(bytes)), 1);
  }
}

TEST(FrameLimits, AdmitEveryHonestFrame) {
  EXPECT_GE(max_frame_from_worker(5), make_answer(1, 1, as_bytes("12345"))->size());
  EXPECT_GE(max_frame_from_worker(0), make_ready(std::string(kMaxTextBytes, ' '))->size());
  const std::vector<float> many(1'000'000, 0.0F);
  EXPECT_EQ(max_frame_from_server(many.size(), 0, 3), make_weights(1, many, {})->size());
}

}  // namespace
}  // namespace detox
