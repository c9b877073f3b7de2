// What the parsers of frames refuse.
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "comm/frame.hpp"
#include "comm/frame_samples.hpp"

namespace detox {
namespace {

constexpr std::size_t kKindAt = 6, kFlagsAt = 20, kLengthAt = 24, kDetailAt = 32;
constexpr std::size_t kRelaysAt = 68, kAssignedAt = 72;  // of an order

FrameVerdict verdict_of(const FrameBuffer& bytes) { return parse_frame(bytes).verdict; }

bool is_order(const OrderView& order) {
  return parse_order(reread(make_order(order)), kSampleLimits, kSampleWeights).has_value();
}

/// What a test changes one thing of: it would be taken as it is.
struct HonestOrder {
  std::vector<std::uint32_t> relay_to{2, 5}, assignment = sample_lists();
  std::vector<Digest> digests = sample_digests(3);
  OrderView view() const {
    return {.step = 7,
            .slice = 14,
            .weights_from = 1,
            .relay_to = relay_to,
            .assignment = assignment,
            .weights_digests = digests};
  }
};

TEST(HostileFrame, IsRefusedAtEveryShorterAndLongerLength) {
  for (const FrameBytes& frame : one_of_each_kind()) {
    for (std::size_t length = 0; length < frame->size(); ++length) {
      FrameBuffer cut(frame->begin(), frame->begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_EQ(verdict_of(cut),
                length < 64 ? FrameVerdict::kTooShort : FrameVerdict::kWrongLength);
    }
    FrameBuffer longer = *frame;
    longer.push_back(std::byte{0});
    EXPECT_EQ(verdict_of(longer), FrameVerdict::kWrongLength);
  }
}

TEST(HostileFrame, WhosePayloadIsCutOrLongerThanItsKindAllowsIsTakenByNobody) {
  for (const FrameBytes& frame : one_of_each_kind()) {
    const FrameView whole = reread(frame);
    // Texts and failures may have any length, and requests name as many chunks as they like.
    if (whole.kind <= FrameKind::kStart || whole.kind == FrameKind::kFailure) continue;
    for (std::size_t length = 0; length < whole.payload.size() + 4; ++length) {
      if (length == whole.payload.size()) continue;
      const bool is_list =
          whole.kind == FrameKind::kAskWeights || whole.kind == FrameKind::kRequest;
      if (is_list && length > 0 && length % 4 == 0) continue;
      FrameBuffer bytes = overwritten(frame, kLengthAt, std::uint64_t{length});
      bytes.resize(64 + length);
      const FrameView view = parse_frame(bytes);
      ASSERT_EQ(view.verdict, FrameVerdict::kOk);
      EXPECT_EQ(parsers_that_accept(view), 0) << static_cast<int>(view.kind) << " of " << length;
    }
  }
}

TEST(HostileFrame, IsToldWhatIsWrongWithItsHeader) {
  const FrameBytes chunk = make_chunk(
      {.step = 4, .slice = 11, .chunk = 1, .packed = false, .bytes = bytes_of_text("4567")});
  EXPECT_EQ(verdict_of(overwritten<std::uint32_t>(chunk, 0, 0)), FrameVerdict::kBadMagic);
  EXPECT_EQ(verdict_of(overwritten<std::uint16_t>(chunk, 4, kWireVersion - 1)),
            FrameVerdict::kWrongVersion);
  EXPECT_EQ(verdict_of(overwritten<std::uint16_t>(chunk, 4, kWireVersion + 1)),
            FrameVerdict::kWrongVersion);
  EXPECT_EQ(verdict_of(overwritten<std::uint16_t>(chunk, kKindAt, 0)), FrameVerdict::kUnknownKind);
  EXPECT_EQ(verdict_of(overwritten<std::uint16_t>(chunk, kKindAt, 13)), FrameVerdict::kUnknownKind);
  EXPECT_EQ(verdict_of(overwritten<std::uint16_t>(chunk, kKindAt, 0xffff)),
            FrameVerdict::kUnknownKind);
  EXPECT_EQ(verdict_of(overwritten<std::uint32_t>(chunk, kFlagsAt, 2)), FrameVerdict::kBadField);
  EXPECT_EQ(verdict_of(overwritten<std::uint64_t>(chunk, 40, 1)), FrameVerdict::kBadField);
  EXPECT_EQ(verdict_of(overwritten<std::uint64_t>(chunk, 56, 1)), FrameVerdict::kBadField);
}

TEST(HostileFrame, HasFlagsOnlyWhereItIsAChunk) {
  for (const FrameBytes& frame : one_of_each_kind()) {
    const auto expected =
        reread(frame).kind == FrameKind::kChunk ? FrameVerdict::kOk : FrameVerdict::kBadField;
    EXPECT_EQ(verdict_of(overwritten<std::uint32_t>(frame, kFlagsAt, 1)), expected);
    EXPECT_EQ(verdict_of(overwritten<std::uint32_t>(frame, kFlagsAt, 0x80000000)),
              FrameVerdict::kBadField);
  }
}

TEST(HostileFrame, HasStepSliceAndDetailOnlyWhereItsKindHas) {
  for (const FrameBytes& frame : one_of_each_kind()) {
    const FrameView view = reread(frame);
    const auto verdict = [&](bool may_have) {
      return may_have ? FrameVerdict::kOk : FrameVerdict::kBadField;
    };
    const bool has_step = view.kind >= FrameKind::kOrder && view.kind <= FrameKind::kChunk;
    const bool has_slice =
        has_step && view.kind != FrameKind::kWeights && view.kind != FrameKind::kAskWeights;
    const bool has_detail = view.kind == FrameKind::kOrder || view.kind == FrameKind::kWeights ||
                            view.kind == FrameKind::kAskWeights || view.kind == FrameKind::kChunk ||
                            view.kind == FrameKind::kFailure || view.kind == FrameKind::kStop;
    EXPECT_EQ(verdict_of(overwritten<std::uint64_t>(frame, 8, 1)), verdict(has_step));
    EXPECT_EQ(verdict_of(overwritten<std::uint32_t>(frame, 16, 1)), verdict(has_slice));
    EXPECT_EQ(verdict_of(overwritten<std::uint64_t>(frame, kDetailAt, 1)), verdict(has_detail));
  }
}

TEST(HostileFrame, CannotLieAboutItsLength) {
  const FrameBytes chunk = make_chunk(
      {.step = 4, .slice = 11, .chunk = 1, .packed = false, .bytes = bytes_of_text("4567")});
  for (const std::uint64_t lie :
       {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{5},
        std::numeric_limits<std::uint64_t>::max(), std::uint64_t{0} - 60, std::uint64_t{0} - 64}) {
    EXPECT_EQ(verdict_of(overwritten(chunk, kLengthAt, lie)), FrameVerdict::kWrongLength) << lie;
  }
}

TEST(HostileFrame, OfTextIsNeitherEmptyNorLongerThanAMebibyte) {
  for (const FrameBytes& frame : {make_welcome("x"), make_ready("x"), make_start("x")}) {
    for (const std::size_t length : {std::size_t{0}, kMaxTextBytes + 1}) {
      FrameBuffer bytes = overwritten(frame, kLengthAt, std::uint64_t{length});
      bytes.resize(64 + length);
      EXPECT_EQ(parsers_that_accept(parse_frame(bytes)), 0) << length;
    }
  }
}

TEST(HostileOrder, NamesNoSliceThatDoesNotExist) {
  HonestOrder order;
  ASSERT_TRUE(is_order(order.view()));
  for (const std::uint32_t slice : {15U, kNoSlice - 1}) {
    OrderView view = order.view();
    view.slice = slice;
    EXPECT_FALSE(is_order(view)) << slice;
  }
}

TEST(HostileOrder, NamesNoWorkerThatDoesNotExist) {
  HonestOrder order;
  for (const std::uint32_t worker : {3U, kEndOfList - 1}) {
    order.assignment[1] = worker;
    EXPECT_FALSE(is_order(order.view())) << worker;
  }
}

TEST(HostileOrder, NamesNoRankThatDoesNotExist) {
  HonestOrder order;
  for (const std::uint32_t rank : {0U, 6U, kNobody}) {
    order.relay_to = {2, rank};
    EXPECT_FALSE(is_order(order.view())) << rank;
  }
  order.relay_to = {2};
  for (const auto& [from, exists] :
       {std::pair{0U, true}, {5U, true}, {kNobody, true}, {6U, false}, {kNobody - 1, false}}) {
    OrderView view = order.view();
    view.weights_from = from;
    EXPECT_EQ(is_order(view), exists) << from;
  }
}

TEST(HostileOrder, HasAListForEverySliceOrNone) {
  HonestOrder order;
  const std::vector<std::uint32_t> lists = order.assignment;
  order.assignment.clear();
  EXPECT_TRUE(is_order(order.view()));
  order.assignment.assign(lists.begin(), lists.end() - 1);
  EXPECT_FALSE(is_order(order.view()));
  order.assignment = lists;
  order.assignment.push_back(kEndOfList);
  EXPECT_FALSE(is_order(order.view()));
  order.assignment = lists;
  std::swap(order.assignment.back(), order.assignment.front());  // something after the last list
  EXPECT_FALSE(is_order(order.view()));
  order.assignment = lists;
  order.assignment.front() = kEndOfList;  // one list too many
  EXPECT_FALSE(is_order(order.view()));
}

TEST(HostileOrder, RelaysToNoMoreThanThereAre) {
  HonestOrder order;
  order.relay_to.assign(5, 1);
  EXPECT_TRUE(is_order(order.view()));
  order.relay_to.assign(6, 1);
  EXPECT_FALSE(is_order(order.view()));
}

TEST(HostileOrder, HasADigestForEveryChunkOfTheWeights) {
  HonestOrder order;
  for (const std::size_t count : {0U, 2U, 4U}) {
    order.digests = sample_digests(count);
    EXPECT_FALSE(is_order(order.view())) << count;
  }
}

TEST(HostileOrder, CannotPassCountsThatItsBytesDoNotHold) {
  const FrameBytes frame = make_order(HonestOrder().view());
  const auto is_taken = [](const FrameBuffer& bytes) {
    return parse_order(parse_frame(bytes), kSampleLimits, kSampleWeights).has_value();
  };
  ASSERT_TRUE(is_taken(*frame));
  for (const std::uint32_t lie : {0U, 1U, 3U, 4U, 5U, 10U, 0x3fffffffU, 0x40000000U, 0x40000002U,
                                  0x80000000U, 0xfffffffeU, 0xffffffffU}) {
    EXPECT_FALSE(is_taken(overwritten(frame, kRelaysAt, lie))) << lie;
    if (lie != 19) {
      EXPECT_FALSE(is_taken(overwritten(frame, kAssignedAt, lie))) << lie;
    }
  }
}

/// Three words follow; so many are 4 and 2^32 - 1, too, where they are added in 32 bits.
TEST(HostileOrder, CannotPassCountsWhoseSumWrapsAround) {
  constexpr std::size_t kHuge = 0xffffffff;
  HonestOrder honest;
  honest.assignment = {kEndOfList};
  FrameBuffer bytes = overwritten(make_order(honest.view()), kRelaysAt, 4U);
  const std::uint32_t assigned = kHuge;
  std::memcpy(bytes.data() + kAssignedAt, &assigned, sizeof assigned);
  EXPECT_FALSE(parse_order(parse_frame(bytes),
                           {.slices = 15, .workers = kHuge, .seats = kHuge - 15, .ranks = kHuge},
                           kSampleWeights)
                   .has_value());
}

TEST(HostileOrder, ThatIsTooShortForItsCountsIsRefused) {
  for (std::size_t length = 0; length < 12; ++length) {
    FrameBuffer bytes = overwritten(make_order({.step = 1, .slice = 0, .weights_from = 0}),
                                    kLengthAt, std::uint64_t{length});
    bytes.resize(64 + length);
    EXPECT_FALSE(parse_order(parse_frame(bytes), kSampleLimits, {0, 4}).has_value()) << length;
  }
}

TEST(HostileChunk, OfWeightsHasAnIndexAndTheLengthOfAChunk) {
  const auto is_taken = [](std::size_t chunk, std::string_view bytes) {
    return parse_weights(reread(make_weights(1, chunk, bytes_of_text(bytes))), kSampleWeights)
        .has_value();
  };
  EXPECT_TRUE(is_taken(0, "0123"));
  EXPECT_TRUE(is_taken(2, "89"));
  EXPECT_FALSE(is_taken(0, "012"));
  EXPECT_FALSE(is_taken(0, "01234"));
  EXPECT_FALSE(is_taken(2, "89AB"));
  for (const std::size_t chunk :
       {std::size_t{3}, std::size_t{1} << 62U, std::numeric_limits<std::size_t>::max()}) {
    for (const std::string_view bytes : {"", "89", "0123"}) EXPECT_FALSE(is_taken(chunk, bytes));
  }
}

TEST(HostileChunk, OfAnAnswerHasAnIndexAndTheLengthOfAChunk) {
  const auto is_taken = [](std::size_t chunk, std::string_view bytes) {
    return parse_chunk(reread(make_chunk({.step = 1,
                                          .slice = 2,
                                          .chunk = chunk,
                                          .packed = false,
                                          .bytes = bytes_of_text(bytes)})),
                       kSampleAnswer)
        .has_value();
  };
  EXPECT_TRUE(is_taken(1, "4567"));
  EXPECT_TRUE(is_taken(2, "89A"));
  EXPECT_FALSE(is_taken(1, "456"));
  EXPECT_FALSE(is_taken(1, "45678"));
  EXPECT_FALSE(is_taken(2, "89AB"));
  for (const std::size_t chunk :
       {std::size_t{3}, std::size_t{1} << 62U, std::numeric_limits<std::size_t>::max()}) {
    for (const std::string_view bytes : {"", "89A", "4567"}) EXPECT_FALSE(is_taken(chunk, bytes));
  }
}

TEST(HostileChunk, ThatIsPackedIsShorterThanTheChunkAndNotEmpty) {
  const auto is_taken = [](std::size_t chunk, std::string_view bytes) {
    return parse_chunk(reread(make_chunk({.step = 1,
                                          .slice = 2,
                                          .chunk = chunk,
                                          .packed = true,
                                          .bytes = bytes_of_text(bytes)})),
                       kSampleAnswer)
        .has_value();
  };
  EXPECT_FALSE(is_taken(1, ""));
  EXPECT_TRUE(is_taken(1, "4"));
  EXPECT_TRUE(is_taken(1, "456"));
  EXPECT_FALSE(is_taken(1, "4567"));
  EXPECT_FALSE(is_taken(1, "45678"));
  EXPECT_TRUE(is_taken(2, "89"));
  EXPECT_FALSE(is_taken(2, "89A"));
}

TEST(HostileDigest, HasOneDigestMoreThanTheAnswerHasChunks) {
  for (const std::size_t count : {0U, 1U, 3U, 4U, 5U}) {
    const std::vector<Digest> digests = sample_digests(count);
    const FrameBytes frame = make_digest(1, 2, std::as_bytes(std::span(digests)));
    EXPECT_EQ(parse_digest(reread(frame), kSampleAnswer).has_value(), count == 4) << count;
  }
}

/// A request and a question for weights name chunks alike.
void expect_taken(bool taken, const std::vector<std::uint32_t>& wanted, const Chunks& chunks) {
  EXPECT_EQ(parse_request(reread(make_request(1, 2, wanted)), chunks).has_value(), taken);
  const FrameBytes ask = make_ask_weights({1, AskReason::kNothingCame, wanted});
  EXPECT_EQ(parse_ask_weights(reread(ask), chunks).has_value(), taken);
}

TEST(HostileRequest, NamesAtLeastOneChunkAndNotTooMany) {
  const Chunks chunks{1000, 4};
  expect_taken(false, {}, chunks);
  expect_taken(true, {0}, chunks);
  expect_taken(true, std::vector<std::uint32_t>(kMaxRequested), chunks);
  expect_taken(false, std::vector<std::uint32_t>(kMaxRequested + 1), chunks);
}

TEST(HostileRequest, NamesNoChunkThatDoesNotExist) {
  expect_taken(true, {0, 1, 2}, kSampleAnswer);
  expect_taken(false, {0, 1, 3}, kSampleAnswer);
  expect_taken(false, {0xffffffff, 1}, kSampleAnswer);
  expect_taken(false, {0}, {0, 4});
}

TEST(HostileRequest, IsMadeOfWholeNumbers) {
  const std::vector<std::uint32_t> wanted{0, 1};
  for (const FrameBytes& frame :
       {make_request(1, 2, wanted), make_ask_weights({1, AskReason::kNobodySends, wanted})}) {
    for (const std::size_t length : {5U, 6U, 7U}) {
      FrameBuffer bytes = overwritten(frame, kLengthAt, std::uint64_t{length});
      bytes.resize(64 + length);
      EXPECT_EQ(parsers_that_accept(parse_frame(bytes)), 0) << length;
    }
  }
}

TEST(HostileRequest, ForWeightsHasAReasonThatExists) {
  const FrameBytes ask = make_ask_weights({1, AskReason::kNobodySends, std::vector{1U}});
  for (const std::uint64_t reason :
       {std::uint64_t{3}, std::uint64_t{256}, std::uint64_t{1} << 32U}) {
    EXPECT_FALSE(parse_ask_weights(parse_frame(overwritten(ask, kDetailAt, reason)), kSampleWeights)
                     .has_value());
  }
}

TEST(HostileFrame, CannotNameAnExitCodeThatNoProcessHas) {
  for (const FrameBytes& frame : {make_stop(0), make_failure("x", 0)}) {
    EXPECT_EQ(parsers_that_accept(parse_frame(overwritten(frame, kDetailAt, std::uint64_t{256}))),
              0);
  }
}

TEST(HostileFrame, WithALongerFailureThanAreSentIsRefused) {
  FrameBuffer bytes =
      overwritten(make_failure("x", 1), kLengthAt, std::uint64_t{kMaxFailureBytes + 1});
  bytes.resize(64 + kMaxFailureBytes + 1, std::byte{'x'});
  EXPECT_EQ(parsers_that_accept(parse_frame(bytes)), 0);
}

TEST(HostileFrame, OfRandomBytesIsNeverTakenForAnother) {
  std::mt19937 random(1);
  const std::vector<FrameBytes> honest = one_of_each_kind();
  for (int round = 0; round < 20'000; ++round) {
    FrameBuffer bytes = *honest[random() % honest.size()];
    for (int flips = 0; flips < 3; ++flips)
      bytes[random() % bytes.size()] ^= std::byte(1U << random() % 8);
    EXPECT_LE(parsers_that_accept(parse_frame(bytes)), 1);
  }
}

}  // namespace
}  // namespace detox
