#include "exchange/answer_fetch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "exchange/answer_digests.hpp"
#include "round/ballot.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using Wanted = std::vector<std::uint32_t>;

constexpr std::string_view kGood = "good answers";  // three chunks of four bytes
constexpr std::string_view kOther = "other answer";

/// A server with six workers of two slices, 0 to 2 and 3 to 5; the time is told.
class FetchingServer {
 public:
  explicit FetchingServer(Chunks answer = {12, 4}, std::string_view compression = "none")
      : chunks_(answer), fetch_(answer, kWorkers, 2, {3, 1, compression}) {
    begin(1);
  }

  void begin(std::uint64_t step) {
    step_ = step;
    ballot_ = std::make_unique<Ballot>(Ballot::Parts{.round = step,
                                                     .assignment = assignment_,
                                                     .absent = absent_,
                                                     .answer_bytes = chunks_.bytes,
                                                     .enough = 2,
                                                     .recent = recent_});
    fetch_.begin_step(step, at(0), 60, *ballot_);
  }

  /// The worker sends the digests of this answer.
  void promise(std::uint32_t worker, std::string_view answer) {
    promise_digests(
        worker,
        digests_of_answer(
            {.step = step_, .slice = slice_of(worker), .weights = {}, .codec = "none", .d = 3},
            chunks_, std::as_bytes(std::span(answer))));
  }
  void promise_digests(std::uint32_t worker, std::vector<std::byte> digests) {
    kept_.push_back(std::make_unique<std::vector<std::byte>>(std::move(digests)));
    ballot_->count({.round = step_,
                    .worker = worker,
                    .slice = slice_of(worker),
                    .bytes = *kept_.back(),
                    .is_digest = true});
    fetch_.follow(slice_of(worker));
  }

  /// The worker sends a chunk of this answer. Whether it was asked for it.
  bool send(std::uint32_t worker, std::uint32_t chunk, std::string_view answer) {
    const auto bytes = chunks_.part(std::as_bytes(std::span(answer)), chunk);
    return send_chunk(worker, {.step = step_,
                               .slice = slice_of(worker),
                               .chunk = chunk,
                               .packed = false,
                               .bytes = bytes});
  }
  bool send_chunk(std::uint32_t worker, const ChunkView& chunk) {
    ReceivedFrame frame{static_cast<int>(worker) + 1, *make_chunk(chunk)};
    const auto parsed = parse_chunk(parse_frame(frame.bytes), chunks_);
    EXPECT_TRUE(parsed.has_value());
    return fetch_.take(worker, std::move(frame), *parsed);
  }

  /// What the server does between frames. By worker: what it asks for.
  std::map<std::uint32_t, Wanted> look(double seconds) {
    now_ = at(seconds);
    useful_ = false;
    do {
      fetch_.wait_for_all();
      useful_ = fetch_.check(now_) || useful_;
    } while (fetch_.taken() > 0);
    std::map<std::uint32_t, Wanted> asked;
    fetch_.ask(now_, [&](std::uint32_t worker, const FrameBytes& frame) {
      const auto request = parse_request(parse_frame(*frame), chunks_);
      ASSERT_TRUE(request.has_value());
      EXPECT_EQ(request->step, step_);
      EXPECT_EQ(request->slice, slice_of(worker));
      asked[worker].assign(request->chunks.begin(), request->chunks.end());
    });
    return asked;
  }
  /// By slice: the bytes that can be used before the answers are whole.
  std::map<std::uint32_t, std::string> hand_on() {
    std::map<std::uint32_t, std::string> columns;
    fetch_.hand_on_columns([&](const ReadyColumns& ready) {
      for (std::size_t i = 0; i < ready.slices.size(); ++i) {
        const auto* bytes = reinterpret_cast<const char*>(ready.answers[i]);
        columns[ready.slices[i]].assign(bytes + ready.begin, bytes + ready.end);
      }
    });
    return columns;
  }
  void end_step() { fetch_.end_step(now_); }

  bool is_fetching(std::uint32_t slice) const {
    return ballot_->state(slice) == SliceState::kMajority;
  }
  bool is_fetching() const { return fetch_.under_way() > 0; }
  bool useful() const { return useful_; }
  std::string answer(std::uint32_t slice) const {
    if (ballot_->counted(slice).empty()) return "none";
    const auto bytes = ballot_->answer(slice);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::vector<std::pair<std::uint32_t, Suspicion>> noted() const {
    std::vector<std::pair<std::uint32_t, Suspicion>> entries;
    for (const LedgerEntry& entry : ballot_->ledger())
      entries.emplace_back(entry.worker, entry.kind);
    return entries;
  }

 private:
  static constexpr std::size_t kWorkers = 6;
  static std::uint32_t slice_of(std::uint32_t worker) { return worker / 3; }
  static Clock::time_point at(double seconds) {
    return Clock::time_point() + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(1000 + seconds));
  }

  Chunks chunks_;
  std::uint64_t step_ = 0;
  Assignment assignment_ = assignment_of({{0, 1, 2}, {3, 4, 5}}, 6);
  std::vector<bool> absent_ = std::vector<bool>(kWorkers);
  RecentSteps recent_;
  std::vector<std::unique_ptr<std::vector<std::byte>>> kept_;
  std::unique_ptr<Ballot> ballot_;
  AnswerFetch fetch_;
  Clock::time_point now_{};
  bool useful_ = false;
};

/// Two members of slice 0 have promised and are asked.
void ask_two_members(FetchingServer& server) {
  server.promise(0, kGood);
  server.promise(1, kGood);
  ASSERT_THAT(server.look(0), ElementsAre(Pair(0, Wanted{0, 2}), Pair(1, Wanted{1})));
}

TEST(AnswerFetch, AsksNobodyBeforeThereIsAMajority) {
  FetchingServer server;
  server.promise(0, kGood);
  EXPECT_THAT(server.look(0), IsEmpty());
  server.promise(1, "evil answers");
  EXPECT_THAT(server.look(0), IsEmpty());
  EXPECT_FALSE(server.is_fetching());
}

TEST(AnswerFetch, FetchesOneCopyFromThoseWhoHavePromisedIt) {
  FetchingServer server;
  ask_two_members(server);
  EXPECT_TRUE(server.is_fetching(0));
  EXPECT_FALSE(server.is_fetching(1));
  EXPECT_TRUE(server.send(0, 0, kGood));
  EXPECT_TRUE(server.send(1, 1, kGood));
  server.look(0.1);
  EXPECT_EQ(server.answer(0), "none");
  EXPECT_TRUE(server.send(0, 2, kGood));
  EXPECT_THAT(server.look(0.2), IsEmpty());
  EXPECT_FALSE(server.is_fetching());
  EXPECT_EQ(server.answer(0), kGood);
  EXPECT_THAT(server.noted(), IsEmpty());
}

TEST(AnswerFetch, TakesNothingThatWasNotAskedFor) {
  FetchingServer server;
  const auto bytes = std::as_bytes(std::span("good", 4));
  EXPECT_FALSE(server.send(0, 0, kGood));  // there is no majority yet
  ask_two_members(server);
  EXPECT_FALSE(server.send(0, 1, kGood));  // was asked of the other
  EXPECT_FALSE(server.send(2, 0, kGood));  // has promised nothing
  EXPECT_FALSE(server.send(3, 0, kGood));  // of a slice without a majority
  EXPECT_FALSE(server.send_chunk(
      3,
      {.step = 1, .slice = 0, .chunk = 0, .packed = false, .bytes = bytes}));  // of another slice
  EXPECT_FALSE(server.send_chunk(
      0, {.step = 0, .slice = 0, .chunk = 0, .packed = false, .bytes = bytes}));  // of another step
  EXPECT_FALSE(
      server.send_chunk(0, {.step = 2, .slice = 0, .chunk = 0, .packed = false, .bytes = bytes}));
  EXPECT_FALSE(server.send_chunk(
      0, {.step = 1, .slice = 2, .chunk = 0, .packed = false, .bytes = bytes}));  // of no slice
  EXPECT_FALSE(server.send_chunk(
      0, {.step = 1, .slice = 0xffffffff, .chunk = 0, .packed = false, .bytes = bytes}));
  EXPECT_TRUE(server.send(0, 0, kGood));
  server.look(0.1);
  EXPECT_FALSE(server.send(0, 0, kGood));  // is here
}

/// What two colluders could promise: the digest of two bytes in place of the first chunk.
std::vector<std::byte> promise_of_too_few(const Chunks& chunks, std::string_view answer) {
  std::vector<std::byte> digests =
      digests_of_answer({.step = 1, .slice = 0, .weights = {}, .codec = "none", .d = 3}, chunks,
                        std::as_bytes(std::span(answer)));
  const Digest too_few = digest_of(std::as_bytes(std::span("go", 2)));
  std::copy(too_few.begin(), too_few.end(), digests.begin() + sizeof(Digest));
  return digests;
}

TEST(AnswerFetch, TakesNothingPackedWhereNobodyWasToldToPack) {
  FetchingServer server;
  for (const std::uint32_t worker : {0U, 1U})
    server.promise_digests(worker, promise_of_too_few({12, 4}, kGood));
  server.look(0);
  EXPECT_FALSE(server.send_chunk(0, {.step = 1,
                                     .slice = 0,
                                     .chunk = 0,
                                     .packed = true,
                                     .bytes = std::as_bytes(std::span("go", 2))}));
}

TEST(AnswerFetch, UnpacksChunksToTheirLengthAloneAndChecksWhatComesOut) {
  const Chunks chunks{8192, 4096};
  const std::string answer(chunks.bytes, 'g'), other(chunks.bytes, 'h');
  const auto packed = [&](std::string_view text, std::size_t bytes) {
    std::vector<std::byte> out;
    EXPECT_TRUE(make_compressor("zstd")->pack(std::as_bytes(std::span(text)).first(bytes), out));
    return out;
  };
  FetchingServer server(chunks, "zstd");
  for (const std::uint32_t worker : {0U, 1U, 2U}) server.promise(worker, answer);
  ASSERT_THAT(server.look(0), ElementsAre(Pair(0, Wanted{0}), Pair(1, Wanted{1})));
  EXPECT_TRUE(server.send_chunk(
      0, {.step = 1, .slice = 0, .chunk = 0, .packed = true, .bytes = packed(other, 4096)}));
  EXPECT_TRUE(server.send_chunk(
      1, {.step = 1, .slice = 0, .chunk = 1, .packed = true, .bytes = packed(answer, 2000)}));
  EXPECT_THAT(server.look(0.1), ElementsAre(Pair(2, Wanted{0, 1})));
  EXPECT_THAT(server.noted(),
              ElementsAre(Pair(0, Suspicion::kBadChunk), Pair(1, Suspicion::kBadChunk)));
  EXPECT_TRUE(server.send_chunk(
      2, {.step = 1, .slice = 0, .chunk = 0, .packed = true, .bytes = packed(answer, 4096)}));
  EXPECT_TRUE(server.send(2, 1, answer));
  server.look(0.2);
  EXPECT_EQ(server.answer(0), answer);
}

TEST(AnswerFetch, RefusesPackedBytesThatWerePromisedAsTheyAre) {
  const Chunks chunks{8192, 4096};
  FetchingServer server(chunks, "zstd");
  const std::string answer(chunks.bytes, 'g');
  for (const std::uint32_t worker : {0U, 1U})
    server.promise_digests(worker, promise_of_too_few(chunks, answer));
  server.look(0);
  EXPECT_TRUE(server.send_chunk(0, {.step = 1,
                                    .slice = 0,
                                    .chunk = 0,
                                    .packed = true,
                                    .bytes = std::as_bytes(std::span("go", 2))}));
  server.look(0.1);
  EXPECT_THAT(server.noted(), ElementsAre(Pair(0, Suspicion::kBadChunk)));
}

TEST(AnswerFetch, AccusesWhoSendsOtherBytesThanItPromisedAndAsksAnother) {
  FetchingServer server;
  ask_two_members(server);
  EXPECT_TRUE(server.send(0, 0, "evil answers"));
  EXPECT_TRUE(server.send(1, 1, kGood));
  EXPECT_THAT(server.look(0.1), ElementsAre(Pair(1, Wanted{0, 2})));
  EXPECT_THAT(server.noted(), ElementsAre(Pair(0, Suspicion::kBadChunk)));
  EXPECT_FALSE(server.send(0, 2, kGood));  // it has had its turn
  EXPECT_TRUE(server.send(1, 0, kGood));
  EXPECT_TRUE(server.send(1, 2, kGood));
  server.look(0.2);
  EXPECT_EQ(server.answer(0), kGood);
}

TEST(AnswerFetch, TakesTheRightOfTwoThatComeTogether) {
  for (const bool wrong_first : {true, false}) {
    FetchingServer server;
    ask_two_members(server);
    EXPECT_TRUE(server.send(1, 1, kGood));
    EXPECT_THAT(server.look(0.9), IsEmpty());
    EXPECT_THAT(server.look(3), ElementsAre(Pair(1, Wanted{0, 2})));
    const std::uint32_t first = wrong_first ? 0 : 1;
    for (const std::uint32_t worker : {first, 1 - first})
      EXPECT_TRUE(server.send(worker, 0, worker == 0 ? "evil answers" : kGood));
    EXPECT_TRUE(server.send(1, 2, kGood));
    server.look(3.1);
    EXPECT_EQ(server.answer(0), kGood);
    EXPECT_THAT(server.noted(), ElementsAre(Pair(0, Suspicion::kBadChunk)));
  }
}

TEST(AnswerFetch, BooksAChunkOnceThatAWorkerSendsTwice) {
  FetchingServer server;
  ask_two_members(server);
  for (int time = 0; time < 3; ++time) EXPECT_TRUE(server.send(0, 0, kGood));
  EXPECT_TRUE(server.send(0, 0, "evil answers"));
  server.look(0.1);
  EXPECT_TRUE(server.send(0, 2, kGood));
  EXPECT_TRUE(server.send(1, 1, kGood));
  server.look(0.2);
  EXPECT_EQ(server.answer(0), kGood);
}

TEST(AnswerFetch, AsksWhoeverJoinsTheMajorityLater) {
  FetchingServer server({36, 4});
  const std::string answer = "nine chunks of four bytes each, say.";
  server.promise(0, answer);
  server.promise(1, answer);
  EXPECT_THAT(server.look(0),
              ElementsAre(Pair(0, Wanted{0, 2, 4, 6}), Pair(1, Wanted{1, 3, 5, 7})));
  server.promise(2, answer);
  EXPECT_THAT(server.look(0.1), ElementsAre(Pair(2, Wanted{8})));
}

TEST(AnswerFetch, TellsWhetherSomethingUsefulHasCome) {
  FetchingServer server;
  ask_two_members(server);
  EXPECT_FALSE(server.useful());
  server.send(0, 0, "evil answers");
  server.look(0.1);
  EXPECT_FALSE(server.useful());
  server.send(1, 1, kGood);
  server.look(0.2);
  EXPECT_TRUE(server.useful());
  server.send(1, 1, kGood);
  server.look(0.3);
  EXPECT_FALSE(server.useful());  // it came again
}

TEST(AnswerFetch, GivesASliceUpAtOnceWhereAllMembersHaveSentSomethingElse) {
  FetchingServer server;
  ask_two_members(server);
  server.promise(2, kOther);
  server.send(0, 0, "evil answers");
  server.send(1, 1, "good  evil  ");
  server.look(0.1);
  EXPECT_FALSE(server.is_fetching());
  EXPECT_EQ(server.answer(0), "none");
  EXPECT_THAT(server.noted(),
              ElementsAre(Pair(0, Suspicion::kBadChunk), Pair(1, Suspicion::kBadChunk)));
}

TEST(AnswerFetch, WaitsTheWholeStepOnceForMembersThatPromiseAndDoNotDeliver) {
  FetchingServer server;
  ask_two_members(server);
  server.look(59);
  EXPECT_TRUE(server.is_fetching(0));
  server.end_step();
  EXPECT_FALSE(server.is_fetching());
  EXPECT_EQ(server.answer(0), "none");
  EXPECT_THAT(server.noted(),
              ElementsAre(Pair(0, Suspicion::kUndelivered), Pair(1, Suspicion::kUndelivered)));

  server.begin(2);
  ask_two_members(server);
  server.promise(2, kOther);
  server.look(0.9);
  EXPECT_TRUE(server.is_fetching(0));
  server.look(1.1);  // late now
  server.look(1.2);
  EXPECT_FALSE(server.is_fetching());
  server.end_step();
  EXPECT_THAT(server.noted(),
              ElementsAre(Pair(0, Suspicion::kUndelivered), Pair(1, Suspicion::kUndelivered)));
}

TEST(AnswerFetch, WaitsTheWholeStepOnceForMembersThatStopInTheMiddle) {
  FetchingServer server;
  for (const std::uint64_t step : {1U, 2U, 3U}) {
    server.begin(step);
    ask_two_members(server);
    server.promise(2, kOther);
    server.send(0, 0, kGood);
    server.send(1, 1, kGood);
    server.look(0.1);
    EXPECT_THAT(server.look(2), ElementsAre(Pair(1, Wanted{2})));
    for (const double seconds : {4, 5}) server.look(seconds);  // nothing is heard of either
    EXPECT_EQ(server.is_fetching(0), step == 1) << step;
    server.end_step();
    EXPECT_THAT(server.noted(),
                ElementsAre(Pair(0, Suspicion::kUndelivered), Pair(1, Suspicion::kUndelivered)))
        << step;
  }
}

/// Of these two one may be a liar, and the other only have a slow link.
TEST(AnswerFetch, GivesNothingUpThatSomebodyMayStillPromise) {
  FetchingServer server;
  ask_two_members(server);
  server.end_step();
  server.begin(2);
  ask_two_members(server);
  for (const double seconds : {1.1, 1.2, 9.0}) server.look(seconds);  // late, and known for it
  EXPECT_TRUE(server.is_fetching(0));
  server.promise(2, kGood);
  EXPECT_THAT(server.look(9.1), ElementsAre(Pair(2, Wanted{0, 2, 1})));
  for (const std::uint32_t chunk : {0U, 1U, 2U}) server.send(2, chunk, kGood);
  server.look(9.2);
  EXPECT_EQ(server.answer(0), kGood);
}

TEST(AnswerFetch, WaitsForAMemberWhoIsNotKnownForKeepingOthersWaiting) {
  FetchingServer server;
  ask_two_members(server);
  server.end_step();
  server.begin(2);
  server.promise(0, kGood);
  server.promise(2, kGood);
  server.look(0);
  server.look(50);
  server.look(51);
  EXPECT_TRUE(server.is_fetching(0));
}

TEST(AnswerFetch, HasPatienceAgainWithAMemberThatHasDelivered) {
  FetchingServer server;
  ask_two_members(server);
  server.end_step();
  server.begin(2);
  ask_two_members(server);
  for (const std::uint32_t chunk : {0U, 1U, 2U}) server.send(chunk % 2, chunk, kGood);
  server.look(0.5);
  EXPECT_EQ(server.answer(0), kGood);
  server.begin(3);
  ask_two_members(server);
  server.look(50);
  server.look(51);
  EXPECT_TRUE(server.is_fetching(0));
}

TEST(AnswerFetch, NotesWhoStillOwesWhatAnotherHadToBeAskedFor) {
  for (const bool comes : {false, true}) {
    FetchingServer server;
    ask_two_members(server);
    server.send(1, 1, kGood);
    EXPECT_THAT(server.look(0.5), IsEmpty());
    EXPECT_THAT(server.look(2), ElementsAre(Pair(1, Wanted{0, 2})));
    server.send(1, 0, kGood);
    server.send(1, 2, kGood);
    server.look(2.1);
    EXPECT_EQ(server.answer(0), kGood);
    for (const std::uint32_t chunk : {0U, 2U}) {
      if (comes) server.send(0, chunk, kGood);  // it was late, and owes nothing any more
    }
    server.end_step();
    if (comes) {
      EXPECT_THAT(server.noted(), IsEmpty());
    } else {
      EXPECT_THAT(server.noted(), ElementsAre(Pair(0, Suspicion::kUndelivered)));
    }
  }
}

TEST(AnswerFetch, AsksLastWhoDidNotDeliver) {
  FetchingServer server;
  ask_two_members(server);
  server.send(1, 1, kGood);
  server.look(2);
  server.send(1, 0, kGood);
  server.send(1, 2, kGood);
  server.look(2.1);
  server.end_step();
  server.begin(2);
  server.promise(0, kGood);
  server.promise(1, kGood);
  EXPECT_THAT(server.look(0), ElementsAre(Pair(1, Wanted{0, 1, 2})));
  EXPECT_THAT(server.look(30), ElementsAre(Pair(0, Wanted{0, 1, 2})));
}

TEST(AnswerFetch, AsksEverybodyInTheLastThirdOfTheStep) {
  FetchingServer server;
  ask_two_members(server);
  server.promise(2, kGood);
  EXPECT_THAT(server.look(41),
              ElementsAre(Pair(0, Wanted{1}), Pair(1, Wanted{0, 2}), Pair(2, Wanted{0, 2, 1})));
  for (const std::uint32_t chunk : {0U, 1U, 2U}) server.send(2, chunk, kGood);
  server.look(41.1);
  EXPECT_EQ(server.answer(0), kGood);
}

TEST(AnswerFetch, ForgetsTheStepBefore) {
  FetchingServer server;
  ask_two_members(server);
  server.send(0, 0, kGood);
  server.begin(2);
  EXPECT_FALSE(server.is_fetching());
  EXPECT_THAT(server.look(0), IsEmpty());
  const std::string other = "and so on...";
  server.promise(1, other);
  server.promise(2, other);
  EXPECT_THAT(server.look(0), ElementsAre(Pair(1, Wanted{0, 2}), Pair(2, Wanted{1})));
  for (const std::uint32_t chunk : {0U, 1U, 2U}) server.send(1 + chunk % 2, chunk, other);
  server.look(0.1);
  EXPECT_EQ(server.answer(0), other);
}

TEST(AnswerFetch, HandsOnColumnsInOrderWhenAllSlicesHaveThem) {
  FetchingServer server;
  for (const std::uint32_t worker : {0U, 1U, 3U, 4U}) server.promise(worker, kGood);
  server.look(0);
  for (const std::uint32_t worker : {0U, 1U}) server.send(worker, worker, kGood);
  server.send(4, 1, kGood);
  server.look(0.1);
  EXPECT_THAT(server.hand_on(), IsEmpty());
  server.send(3, 0, kGood);
  server.look(0.2);
  EXPECT_THAT(server.hand_on(), ElementsAre(Pair(0, "good ans"), Pair(1, "good ans")));
  EXPECT_THAT(server.hand_on(), IsEmpty());
  for (const std::uint32_t worker : {0U, 3U}) server.send(worker, 2, kGood);
  server.look(0.3);
  EXPECT_THAT(server.hand_on(), ElementsAre(Pair(0, "wers"), Pair(1, "wers")));
}

TEST(AnswerFetch, HandsOnNoColumnsBeforeItIsKnownWhichSlicesAreToBeExpected) {
  FetchingServer server;
  ask_two_members(server);
  for (const std::uint32_t worker : {0U, 1U}) server.send(worker, worker, kGood);
  server.look(0.1);
  EXPECT_THAT(server.hand_on(), IsEmpty());
  for (const std::uint32_t worker : {3U, 4U}) server.promise(worker, kGood);
  EXPECT_THAT(server.hand_on(), IsEmpty());  // resolved just now, and nobody was asked yet
  server.look(0.2);
  EXPECT_THAT(server.hand_on(), IsEmpty());
  for (const std::uint32_t worker : {3U, 4U}) server.send(worker, worker - 3, kGood);
  server.look(0.3);
  EXPECT_THAT(server.hand_on(), ElementsAre(Pair(0, "good ans"), Pair(1, "good ans")));
}

TEST(AnswerFetch, HandsOnNoMoreColumnsWhenASliceDropsOut) {
  FetchingServer server;
  for (const std::uint32_t worker : {0U, 1U, 3U, 4U}) server.promise(worker, kGood);
  server.look(0);
  for (const std::uint32_t worker : {0U, 3U}) server.send(worker, 0, kGood);
  server.look(0.1);
  EXPECT_THAT(server.hand_on(), ElementsAre(Pair(0, "good"), Pair(1, "good")));
  server.send(0, 2, "evil evil ev");
  server.send(1, 1, "evil evil ev");
  for (const std::uint32_t worker : {3U, 4U}) server.send(worker, worker == 3 ? 2 : 1, kGood);
  server.look(0.2);
  EXPECT_EQ(server.answer(0), "none");
  EXPECT_EQ(server.answer(1), kGood);
  EXPECT_THAT(server.hand_on(), IsEmpty());
}

TEST(AnswerFetch, FetchesSeveralSlicesAtOnceInWhateverOrderChunksCome) {
  constexpr std::size_t kBytes = 4 * 101 - 1;
  std::mt19937 random(1);
  std::vector<std::string> answers(2, std::string(kBytes, ' '));
  for (std::string& answer : answers) {
    for (char& c : answer) c = static_cast<char>(random());
  }
  for (int round = 0; round < 20; ++round) {
    FetchingServer server({kBytes, 4});
    for (const std::uint32_t worker : {5U, 0U, 3U, 1U, 4U, 2U})
      server.promise(worker, answers[worker / 3]);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> outstanding;
    for (int turn = 0; turn < 5000; ++turn) {
      const double now = 0.02 * turn;
      for (const auto& [worker, chunks] : server.look(now)) {
        for (const std::uint32_t chunk : chunks) outstanding.emplace_back(worker, chunk);
      }
      if (!server.is_fetching()) break;
      std::shuffle(outstanding.begin(), outstanding.end(), random);
      for (std::size_t some = random() % 9; some > 0 && !outstanding.empty(); --some) {
        const auto [worker, chunk] = outstanding.back();
        outstanding.pop_back();
        std::string answer = answers[worker / 3];
        if (worker == 4 && random() % 8 == 0) answer.assign(kBytes, 'x');
        server.send(worker, chunk, answer);
      }
    }
    EXPECT_EQ(server.answer(0), answers[0]);
    EXPECT_EQ(server.answer(1), answers[1]);
  }
}

}  // namespace
}  // namespace detox
