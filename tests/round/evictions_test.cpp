#include "round/evictions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Evictions, PutAWorkerOutAfterItsConvictions) {
  Evictions evictions({.workers = 9, .after = 2, .most = 3});
  EXPECT_THAT(evictions.book(4, {2, 7}), IsEmpty());
  EXPECT_THAT(evictions.book(5, {}), IsEmpty());
  EXPECT_THAT(evictions.book(6, {7}), ElementsAre(7));
  EXPECT_TRUE(evictions.is_out(7));
  EXPECT_FALSE(evictions.is_out(2));
  EXPECT_THAT(evictions.convicted(), ElementsAre(2, 7));
  EXPECT_EQ(evictions.first_step(7), 4U);
}

TEST(Evictions, PutOutNoMoreThanTheRunIsBuiltFor) {
  Evictions evictions({.workers = 9, .after = 1, .most = 2});
  EXPECT_THAT(evictions.book(1, {0, 1, 2}), ElementsAre(0, 1));
  EXPECT_EQ(evictions.out(), 2U);
  EXPECT_TRUE(evictions.are_too_many());
  EXPECT_THAT(evictions.book(2, {2, 3}), IsEmpty());
}

TEST(Evictions, PutNobodyOutWhereThatIsOff) {
  Evictions evictions({.workers = 9, .after = 0, .most = 2});
  for (std::uint64_t step = 1; step < 9; ++step) {
    EXPECT_THAT(evictions.book(step, {0, 1, static_cast<std::uint32_t>(step)}), IsEmpty());
  }
  EXPECT_FALSE(evictions.are_too_many());
}

TEST(Evictions, AreTheSameFromTheirText) {
  Evictions evictions({.workers = 9, .after = 1, .most = 2});
  evictions.book(3, {4});
  evictions.book(8, {0, 4, 8});
  EXPECT_EQ(evictions.text(), "1:1:8:out 5:2:3:out 9:1:8");
  const Evictions again({.workers = 9, .after = 1, .most = 2}, evictions.text());
  EXPECT_EQ(again.text(), evictions.text());
  EXPECT_EQ(again.out(), 2U);
  EXPECT_TRUE(again.is_out(4));
  EXPECT_FALSE(again.is_out(8));
}

TEST(Evictions, TakeAWorkerInAgain) {
  Evictions evictions({.workers = 9, .after = 1, .most = 2});
  evictions.book(3, {4, 5});
  EXPECT_TRUE(evictions.readmit(4));
  EXPECT_FALSE(evictions.readmit(6));
  EXPECT_EQ(evictions.text(), "6:1:3:out");
  EXPECT_THAT(evictions.book(4, {7}), ElementsAre(7));
}

TEST(Evictions, RememberWhereAWorkerWasConvicted) {
  Evictions evictions(
      {.workers = 4, .after = 1, .most = 2, .hosts = {"earth", "mars", "venus", ""}});
  evictions.book(3, {1, 3});  // of the last nobody knows
  EXPECT_EQ(evictions.hosts(), (HostsOfWorkers{{1, "mars"}}));
  EXPECT_EQ(evictions.moved(), "");
  // It goes on elsewhere, is convicted again, and in the local engine.
  for (const std::vector<std::string>& hosts :
       {std::vector<std::string>{"earth", "pluto", "venus", "mars"}, {}}) {
    Evictions again({.workers = 4, .after = 1, .most = 2, .hosts = hosts}, evictions.text(),
                    evictions.hosts());
    again.book(4, {1});
    EXPECT_EQ(again.hosts(), evictions.hosts());
    EXPECT_EQ(again.moved(),
              hosts.empty() ? ""
                            : "convicted on another host than it has now: worker 2 on 'mars', now "
                              "on 'pluto'; where that is another machine, --readmit 2 takes it in");
    again.readmit(1);
    EXPECT_EQ(again.moved(), "");
    EXPECT_THAT(again.hosts(), IsEmpty());
  }
}

TEST(Evictions, NameAllWhoAreOnOtherHostsInOneLine) {
  const Evictions evictions({.workers = 3, .after = 1, .most = 2, .hosts = {"a", "b", "c"}},
                            "1:1:8:out 2:1:8:out 3:1:8", {{0, "c"}, {1, "b"}, {2, "a\n"}});
  EXPECT_EQ(evictions.moved(),
            "convicted on another host than it has now: worker 1 on 'c', now on 'a'; worker 3 on "
            "'a?', now on 'c'; where that is another machine, --readmit 1,3 takes it in");
  const Evictions kept({.workers = 3, .after = 0, .most = 2, .hosts = {"a", "b", "c"}}, "1:1:8",
                       {{0, "c"}});
  EXPECT_EQ(kept.moved(), "");  // nothing is held against anybody
}

TEST(Evictions, RefuseATextThatIsNone) {
  for (const char* text : {"1", "1:1", "0:1:1", "10:1:1", "1:0:1", "1:1:1:in", "1:1:1 1:1:1", "a",
                           "1:1:1 ,", "1:1:99999999999999999999"}) {
    EXPECT_THROW(Evictions({.workers = 9, .after = 1, .most = 2}, text), InputError) << text;
  }
}

}  // namespace
}  // namespace detox
