#include "exchange/chunk_fetch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace detox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Chunked = std::map<std::uint32_t, std::vector<std::uint32_t>>;

constexpr ChunkPatience kPatience{1, 2};

Clock::time_point at(double seconds) {
  return Clock::time_point() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1000 + seconds));
}

/// By worker: what is asked of it at this time.
Chunked asked_at(double seconds, ChunkFetch& fetch) {
  Chunked asked;
  for (const ChunkFetch::Ask& ask : fetch.ask(at(seconds), kPatience))
    asked[ask.worker] = ask.chunks;
  return asked;
}

ChunkFetch fetch_from(std::size_t chunks, const std::vector<std::uint32_t>& workers) {
  ChunkFetch fetch(chunks);
  for (const std::uint32_t worker : workers) fetch.add_member(worker);
  return fetch;
}

/// The worker sends all of these.
void deliver(ChunkFetch& fetch, std::uint32_t worker, const std::vector<std::uint32_t>& chunks,
             double seconds) {
  for (const std::uint32_t chunk : chunks) fetch.arrived(worker, chunk, at(seconds));
}

TEST(ChunkFetch, AsksNobodyWhereThereAreNoMembers) {
  ChunkFetch fetch(5);
  EXPECT_THAT(asked_at(0, fetch), IsEmpty());
}

TEST(ChunkFetch, SpreadsChunksEvenlyOverMembersInTheirOrder) {
  ChunkFetch fetch = fetch_from(9, {7, 3, 5});
  const Chunked asked = asked_at(0, fetch);
  EXPECT_THAT(asked.at(7), ElementsAre(0, 3, 6));
  EXPECT_THAT(asked.at(3), ElementsAre(1, 4, 7));
  EXPECT_THAT(asked.at(5), ElementsAre(2, 5, 8));
}

TEST(ChunkFetch, AsksForNoMoreThanAWindowAtOnce) {
  ChunkFetch fetch = fetch_from(20, {1, 2});
  const Chunked first = asked_at(0, fetch);
  EXPECT_THAT(first.at(1), ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(first.at(2), ElementsAre(1, 3, 5, 7));
  EXPECT_THAT(asked_at(0.1, fetch), IsEmpty());
  deliver(fetch, 1, {0, 2}, 0.2);
  EXPECT_THAT(asked_at(0.2, fetch), ElementsAre(std::pair(1U, std::vector{8U, 9U})));
}

TEST(ChunkFetch, LetsTheFastDoMoreOfTheWork) {
  ChunkFetch fetch = fetch_from(100, {1, 2});
  std::map<std::uint32_t, std::size_t> work;
  Chunked under_way = asked_at(0, fetch);
  for (int tick = 1; !fetch.is_complete(); ++tick) {
    for (const std::uint32_t worker : {1U, 2U}) {  // the second takes five times as long
      auto& queue = under_way[worker];
      if (queue.empty() || (worker == 2 && tick % 5 != 0)) continue;
      deliver(fetch, worker, {queue.front()}, 0.1 * tick);
      queue.erase(queue.begin());
      ++work[worker];
    }
    for (const auto& [worker, chunks] : asked_at(0.1 * tick, fetch))
      under_way[worker].insert(under_way[worker].end(), chunks.begin(), chunks.end());
  }
  EXPECT_EQ(work[1] + work[2], 100U);
  EXPECT_GT(work[1], 4 * work[2]);
}

TEST(ChunkFetch, IsCompleteWhenEveryChunkIsHere) {
  ChunkFetch fetch = fetch_from(3, {1});
  asked_at(0, fetch);
  deliver(fetch, 1, {0, 2}, 0.1);
  EXPECT_FALSE(fetch.is_complete());
  EXPECT_TRUE(fetch.is_here(0));
  EXPECT_FALSE(fetch.is_here(1));
  deliver(fetch, 1, {1}, 0.2);
  EXPECT_TRUE(fetch.is_complete());
  EXPECT_THAT(asked_at(5, fetch), IsEmpty());
}

TEST(ChunkFetch, ExpectsOfEachMemberWhatItWasAskedForOnce) {
  ChunkFetch fetch = fetch_from(4, {1, 2});
  EXPECT_FALSE(fetch.is_expected(1, 0));
  asked_at(0, fetch);
  EXPECT_TRUE(fetch.is_expected(1, 0));
  EXPECT_FALSE(fetch.is_expected(1, 1));  // was asked of the other
  EXPECT_FALSE(fetch.is_expected(3, 0));  // is no member
  deliver(fetch, 1, {0}, 0.1);
  EXPECT_FALSE(fetch.is_expected(1, 0));
}

TEST(ChunkFetch, AsksAnotherMemberForWhatTakesTooLong) {
  ChunkFetch fetch = fetch_from(4, {1, 2});
  asked_at(0, fetch);
  deliver(fetch, 2, {1, 3}, 0.5);
  EXPECT_THAT(asked_at(1, fetch), IsEmpty());  // just in time is in time
  EXPECT_THAT(asked_at(1.1, fetch), ElementsAre(std::pair(2U, std::vector{0U, 2U})));
  EXPECT_TRUE(fetch.is_expected(1, 0));  // whoever is first
  deliver(fetch, 2, {0, 2}, 1.2);
  EXPECT_TRUE(fetch.is_complete());
}

TEST(ChunkFetch, GivesAMemberAnewTheTimeForEachChunk) {
  ChunkFetch fetch = fetch_from(3, {1, 2});
  asked_at(0, fetch);
  deliver(fetch, 2, {1}, 0.1);
  deliver(fetch, 1, {0}, 0.9);
  EXPECT_THAT(asked_at(1.8, fetch), IsEmpty());
  EXPECT_THAT(asked_at(2, fetch), ElementsAre(std::pair(2U, std::vector{2U})));
}

TEST(ChunkFetch, GivesAMemberNotAsManyTimesThePatienceAsItHasChunksOutstanding) {
  ChunkFetch fetch = fetch_from(8, {1, 2});
  asked_at(0, fetch);
  deliver(fetch, 2, {1, 3, 5, 7}, 0.1);
  deliver(fetch, 1, {0}, 0.9);
  deliver(fetch, 1, {2}, 1.8);
  EXPECT_THAT(asked_at(2, fetch), IsEmpty());
  EXPECT_THAT(asked_at(2.1, fetch), ElementsAre(std::pair(2U, std::vector{4U, 6U})));
  EXPECT_THAT(fetch.overdue(), ElementsAre(1));
  deliver(fetch, 1, {4}, 2.7);
  EXPECT_THAT(fetch.overdue(), ElementsAre(1));  // the whole of it is late still
  deliver(fetch, 1, {6}, 2.8);
  EXPECT_THAT(fetch.overdue(), IsEmpty());
}

TEST(ChunkFetch, AsksEverybodyForWhatIsOutstandingWhereItIsTold) {
  ChunkFetch fetch = fetch_from(6, {1, 2, 3});
  asked_at(0, fetch);
  deliver(fetch, 3, {2, 5}, 0.1);
  fetch.strike_out(2);
  Chunked asked;
  for (const ChunkFetch::Ask& ask : fetch.ask(at(0.2), kPatience, true))
    asked[ask.worker] = ask.chunks;
  EXPECT_THAT(asked.at(1), UnorderedElementsAre(1U, 4U));
  EXPECT_THAT(asked.at(3), UnorderedElementsAre(0U, 1U, 3U, 4U));
  EXPECT_FALSE(asked.contains(2));
  EXPECT_THAT(fetch.ask(at(0.3), kPatience, true), IsEmpty());
  fetch.add_member(4);
  EXPECT_EQ(fetch.ask(at(0.3), kPatience, true).at(0).chunks.size(), 4U);
}

TEST(ChunkFetch, AsksTheUnknownFirstTheSlowLaterAndWhoOwesOnlyWhereNobodyElseIs) {
  using Standing = ChunkFetch::Standing;
  ChunkFetch fetch(3);
  fetch.add_member(1, Standing::kOwes);
  fetch.add_member(2, Standing::kSlow);
  fetch.add_member(3, Standing::kUsual);
  fetch.add_member(4, Standing::kNew);
  const Chunked asked = asked_at(0, fetch);
  EXPECT_THAT(asked, testing::SizeIs(3));
  EXPECT_THAT(asked.at(4), ElementsAre(0));
  EXPECT_THAT(asked.at(3), ElementsAre(1));
  EXPECT_THAT(asked.at(2), ElementsAre(2));
  EXPECT_THAT(asked_at(1.1, fetch).at(1), UnorderedElementsAre(0U, 1U, 2U));  // all others are late
}

TEST(ChunkFetch, AsksALateMemberForNothingMoreUntilItDelivers) {
  ChunkFetch fetch = fetch_from(30, {1, 2});
  asked_at(0, fetch);
  deliver(fetch, 2, {1, 3, 5, 7}, 0.1);
  EXPECT_THAT(asked_at(1.1, fetch), ElementsAre(std::pair(2U, std::vector{0U, 2U, 4U, 6U})));
  deliver(fetch, 2, {0, 2, 4, 6}, 1.2);
  EXPECT_THAT(asked_at(1.2, fetch), ElementsAre(std::pair(2U, std::vector{8U, 9U, 10U, 11U})));
  deliver(fetch, 1, {0}, 1.3);  // too late to be of use, but it is back
  EXPECT_THAT(asked_at(1.3, fetch), ElementsAre(std::pair(1U, std::vector{12U})));
}

TEST(ChunkFetch, AsksAThirdMemberWhereTwoTakeTooLong) {
  ChunkFetch fetch = fetch_from(1, {1, 2, 3});
  EXPECT_THAT(asked_at(0, fetch), ElementsAre(std::pair(1U, std::vector{0U})));
  EXPECT_THAT(asked_at(1.1, fetch), ElementsAre(std::pair(2U, std::vector{0U})));
  EXPECT_THAT(asked_at(2.1, fetch), IsEmpty());
  EXPECT_THAT(asked_at(2.2, fetch), ElementsAre(std::pair(3U, std::vector{0U})));
  EXPECT_THAT(asked_at(9, fetch), IsEmpty());
}

TEST(ChunkFetch, AsksAMemberThatJoinsWhenAllOthersAreLate) {
  ChunkFetch fetch = fetch_from(2, {1, 2});
  asked_at(0, fetch);
  EXPECT_THAT(asked_at(5, fetch), IsEmpty());
  fetch.add_member(3);
  EXPECT_THAT(asked_at(5, fetch).at(3), UnorderedElementsAre(0U, 1U));
}

TEST(ChunkFetch, AsksOthersAtOnceForWhatAStruckOutMemberOwes) {
  ChunkFetch fetch = fetch_from(20, {1, 2});
  asked_at(0, fetch);
  deliver(fetch, 2, {1, 3, 5, 7}, 0.1);
  fetch.strike_out(1);
  EXPECT_FALSE(fetch.is_expected(1, 0));
  EXPECT_THAT(asked_at(0.1, fetch), ElementsAre(std::pair(2U, std::vector{0U, 2U, 4U, 6U})));
  deliver(fetch, 2, {0, 2, 4, 6}, 0.2);
  EXPECT_THAT(asked_at(0.2, fetch), ElementsAre(std::pair(2U, std::vector{8U, 9U, 10U, 11U})));
}

TEST(ChunkFetch, DoesNotAskAgainForWhatHasComeMeanwhile) {
  ChunkFetch fetch = fetch_from(8, {1, 2});
  asked_at(0, fetch);
  EXPECT_THAT(asked_at(1.1, fetch), IsEmpty());  // both are late
  deliver(fetch, 1, {0, 2, 4, 6}, 1.2);
  deliver(fetch, 2, {1}, 1.2);
  EXPECT_THAT(asked_at(1.2, fetch).at(1), UnorderedElementsAre(3, 5, 7));
}

TEST(ChunkFetch, TellsHowLongATurnTook) {
  ChunkFetch fetch = fetch_from(2, {1});
  asked_at(0, fetch);
  EXPECT_NEAR(fetch.arrived(1, 0, at(0.5)), 0.5, 1e-6);
  EXPECT_NEAR(fetch.arrived(1, 1, at(0.7)), 0.2, 1e-6);  // it began when the first was through
}

TEST(ChunkFetch, CallsOverdueWhoKeepsItWaitingAndNotWhoHadNoTimeYet) {
  ChunkFetch fetch = fetch_from(3, {1, 2, 3, 4, 5});
  asked_at(0, fetch);  // the last two are asked for nothing
  deliver(fetch, 1, {0}, 0.1);
  fetch.strike_out(2);
  EXPECT_THAT(fetch.overdue(), IsEmpty());
  asked_at(1.1, fetch);
  EXPECT_THAT(fetch.overdue(), ElementsAre(3));
  EXPECT_THAT(fetch.reliable(), ElementsAre(1));
}

TEST(ChunkFetch, CallsOverdueWhoStopsInTheMiddleAndNotWhoIsUnderWay) {
  ChunkFetch fetch = fetch_from(6, {1, 2});
  asked_at(0, fetch);
  deliver(fetch, 1, {0}, 0.1);
  deliver(fetch, 2, {1}, 0.9);
  asked_at(1.2, fetch);
  EXPECT_THAT(fetch.overdue(), ElementsAre(1));
  EXPECT_THAT(fetch.reliable(), ElementsAre(2));
}

TEST(ChunkFetch, IsHopelessWhereAllAreStruckOutOrLateAndKnownForIt) {
  const auto nobody = [](std::uint32_t) { return false; };
  const auto second = [](std::uint32_t worker) { return worker == 2; };
  ChunkFetch fetch = fetch_from(8, {1, 2});
  asked_at(0, fetch);
  EXPECT_FALSE(fetch.is_hopeless(second));
  fetch.strike_out(1);
  EXPECT_FALSE(fetch.is_hopeless(second));  // not late yet
  asked_at(1.1, fetch);
  EXPECT_TRUE(fetch.is_hopeless(second));
  EXPECT_FALSE(fetch.is_hopeless(nobody));  // of others more patience is had
  deliver(fetch, 2, {1}, 1.2);
  EXPECT_FALSE(fetch.is_hopeless(second));
}

/// Members of one fetch with delays and faults drawn at random, in a time that the test makes.
class RandomFetch {
 public:
  RandomFetch(std::size_t chunks, std::size_t members, std::uint32_t seed)
      : fetch_(chunks), chunks_(chunks), random_(seed), members_(members) {
    for (Member& member : members_) {
      member.joins_s = draw() < 0.5 ? 0 : 3 * draw();
      member.kind = static_cast<Kind>(random_() % 4);
      member.pace_s = 0.01 + (draw() < 0.3 ? 3 * draw() : 0.2 * draw());
    }
    members_[random_() % members].kind = Kind::kHonest;
  }

  /// Until it is complete or the time is over.
  void run() {
    const bool asks_everybody = chunks_ % 2 == 0;
    for (double now = 0; now < 10'000 && !fetch_.is_complete(); now += 0.05) {
      for (std::uint32_t worker = 0; worker < members_.size(); ++worker) step(worker, now);
      for (const ChunkFetch::Ask& ask : fetch_.ask(at(now), kPatience, asks_everybody && now > 5)) {
        for (const std::uint32_t chunk : ask.chunks) take_ask(ask.worker, chunk, now);
      }
    }
  }

  bool is_complete() const { return fetch_.is_complete(); }
  std::size_t asks() const { return asks_; }
  bool asked_twice() const { return asked_twice_; }
  bool exceeded_window() const { return exceeded_window_; }
  bool asked_after_strike() const { return asked_after_strike_; }
  std::size_t members() const { return members_.size(); }
  std::size_t chunks() const { return chunks_; }

 private:
  enum class Kind { kHonest, kSilent, kWrong, kStops };
  struct Member {
    double joins_s = 0, pace_s = 0, due_s = 0;
    Kind kind = Kind::kHonest;
    bool joined = false, struck = false;
    std::size_t sent = 0;
    std::set<std::uint32_t> asked;
    std::vector<std::uint32_t> queue;
  };
  double draw() { return std::uniform_real_distribution<double>()(random_); }

  void take_ask(std::uint32_t worker, std::uint32_t chunk, double now) {
    Member& member = members_[worker];
    ++asks_;
    asked_twice_ = asked_twice_ || !member.asked.insert(chunk).second;
    asked_after_strike_ = asked_after_strike_ || member.struck;
    if (member.queue.empty()) member.due_s = now + member.pace_s;
    member.queue.push_back(chunk);
    exceeded_window_ = exceeded_window_ || (now <= 5 && member.queue.size() > ChunkFetch::kWindow);
  }

  void step(std::uint32_t worker, double now) {
    Member& member = members_[worker];
    if (!member.joined && now >= member.joins_s) {
      member.joined = true;
      fetch_.add_member(worker, static_cast<ChunkFetch::Standing>(random_() % 4));
    }
    const bool sends = member.kind != Kind::kSilent && !member.struck &&
                       (member.kind != Kind::kStops || member.sent < 2);
    if (!sends || member.queue.empty() || now < member.due_s) return;
    const std::uint32_t chunk = member.queue.front();
    ASSERT_TRUE(fetch_.is_expected(worker, chunk));
    if (member.kind == Kind::kWrong && draw() < 0.5) {
      member.struck = true;
      fetch_.strike_out(worker);
      return;
    }
    member.queue.erase(member.queue.begin());
    member.due_s = now + member.pace_s;
    ++member.sent;
    fetch_.arrived(worker, chunk, at(now));
    EXPECT_FALSE(fetch_.is_expected(worker, chunk));
  }

  ChunkFetch fetch_;
  std::size_t chunks_;
  std::mt19937 random_;
  std::vector<Member> members_;
  std::size_t asks_ = 0;
  bool asked_twice_ = false, exceeded_window_ = false, asked_after_strike_ = false;
};

TEST(ChunkFetch, CompletesWhateverTheOthersDoIfOneMemberIsHonest) {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    RandomFetch random(1 + seed % 37, 1 + seed % 7, seed);
    random.run();
    EXPECT_TRUE(random.is_complete()) << "seed " << seed;
    EXPECT_FALSE(random.asked_twice()) << "seed " << seed;
    EXPECT_FALSE(random.exceeded_window()) << "seed " << seed;
    EXPECT_FALSE(random.asked_after_strike()) << "seed " << seed;
    EXPECT_LE(random.asks(), random.chunks() * random.members()) << "seed " << seed;
  }
}

TEST(ChunkFetch, AsksForEveryChunkOnceWhereAllAreInTime) {
  for (const std::size_t members : {1U, 2U, 3U, 5U}) {
    ChunkFetch fetch(100);
    for (std::uint32_t worker = 0; worker < members; ++worker) fetch.add_member(worker);
    std::size_t asks = 0;
    for (double now = 0; !fetch.is_complete(); now += 0.5) {
      for (const auto& [worker, chunks] : asked_at(now, fetch)) {
        asks += chunks.size();
        deliver(fetch, worker, chunks, now + 0.2);
      }
    }
    EXPECT_EQ(asks, 100U);
  }
}

}  // namespace
}  // namespace detox
