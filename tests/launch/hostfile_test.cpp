#include "launch/hostfile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <sstream>

#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::HasSubstr;

/// "a:1 b:2" for what the text says.
std::string hosts(const std::vector<HostSlots>& list) {
  std::string text;
  for (const HostSlots& host : list)
    text += (text.empty() ? "" : " ") + host.host + ":" + std::to_string(host.slots);
  return text;
}

std::vector<HostSlots> parse(const std::string& text) {
  std::istringstream stream(text);
  return parse_hostfile(stream, "hosts");
}

std::string refusal(const std::string& text) {
  try {
    parse(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Hostfile, GivesALineWithoutSlotsOneProcessInOrder) {
  EXPECT_EQ(hosts(parse("10.0.0.2\n10.0.0.1\nnode-3\n")), "10.0.0.2:1 10.0.0.1:1 node-3:1");
}

TEST(Hostfile, KnowsSlotsCommentsAndBlankLines) {
  EXPECT_EQ(hosts(parse("# cluster\n\n  a slots=4 # fast\r\nb\tslots=0\n")), "a:4 b:0");
}

TEST(Hostfile, TakesWhatOtherLaunchersWrite) {
  EXPECT_EQ(hosts(parse("\xef\xbb\xbf"
                        "a:4\r\nb:0\r\n10.0.0.1:12 # fast\r\n")),
            "a:4 b:0 10.0.0.1:12");
}

TEST(Hostfile, IsToldAllThatIsWrongWithIt) {
  EXPECT_EQ(refusal("a slots=x\nb\n-c\nd slots=1 e\n"),
            "hosts:1: 'slots=x' is not slots=N with N from 0 to 100000\n"
            "hosts:3: '-c' is not the name or IPv4 address of a machine\n"
            "hosts:4: 'e' after the slots; a line is ADDRESS [slots=N]");
}

TEST(Hostfile, PassesOverWhatTheOriginalAndOpenMpiHaveBehindAnAddress) {
  EXPECT_EQ(hosts(parse("172.31.16.226 (${PS_IP})\n172.31.27.245 slots=2 max_slots=4\n"
                        "a max-slots=3 slots=2\nb max_slots=3\nc slots = 4 max_slots= 8\n")),
            "172.31.16.226:1 172.31.27.245:2 a:2 b:1 c:4");
  EXPECT_THAT(refusal("a max_slots=-1\n"), HasSubstr("hosts:1: 'max_slots=-1' is not max_slots=N"));
  EXPECT_THAT(refusal("a slots=1 (x\n"), HasSubstr("'(x' after the slots"));
}

TEST(Hostfile, SaysWhatToWriteForAUserAndForIpv6) {
  EXPECT_THAT(
      refusal("trainer@node-2 slots=4\n"),
      HasSubstr("hosts:1: 'trainer@node-2' is not the name or IPv4 address of a machine: write "
                "node-2, and into ~/.ssh/config: Host node-2, and below it User trainer"));
  EXPECT_THAT(refusal("a@-oProxyCommand=x\n"), testing::Not(HasSubstr("write")));
  for (const char* address : {"fe80::1", "[fe80::1]:4", "2001:db8::7:4"}) {
    EXPECT_THAT(refusal(address), HasSubstr("write the machine's name or IPv4 address"));
  }
}

TEST(Hostfile, AddsUpAHostThatStandsTwice) {
  EXPECT_EQ(hosts(parse("a\nb\na slots=2\n")), "a:3 b:1");
}

TEST(Hostfile, NamesTheLineThatIsWrong) {
  EXPECT_THAT(refusal("a\nb slots=x\n"), HasSubstr("hosts:2: 'slots=x'"));
  EXPECT_THAT(refusal("a slots=-1\n"), HasSubstr("hosts:1"));
  EXPECT_THAT(refusal("a slots=99999999999\n"), HasSubstr("hosts:1"));
  EXPECT_THAT(refusal("a 4\n"), HasSubstr("hosts:1: '4'"));
  EXPECT_THAT(refusal("a slots=1 b\n"), HasSubstr("hosts:1: 'b'"));
  EXPECT_THAT(refusal("a slots=\x1b[2J\n"), HasSubstr("hosts:1: 'slots=?[2J'"));
}

TEST(Hostfile, RefusesAddressesThatWouldBeOptionsOrLists) {
  EXPECT_THAT(refusal("-oProxyCommand=x\n"), HasSubstr("hosts:1"));
  EXPECT_THAT(refusal("a,b\n"), HasSubstr("hosts:1"));
  EXPECT_THAT(refusal("a:b\n"), HasSubstr("hosts:1"));
  EXPECT_THAT(refusal("a:5 slots=4\n"), HasSubstr("hosts:1: 'slots=4' after the slots"));
  EXPECT_THAT(refusal("a:99999999999\n"), HasSubstr("hosts:1"));
  EXPECT_THAT(refusal(":4\n"), HasSubstr("hosts:1"));
}

TEST(RankPlacement, FillsHostsInOrderAndUsesNoMoreThanItNeeds) {
  EXPECT_EQ(hosts(place_ranks(parse("a\nb slots=3\nc\n"), 3)), "a:1 b:2");
  EXPECT_EQ(hosts(place_ranks(parse("a slots=0\nb slots=3\nc\n"), 4)), "b:3 c:1");
}

TEST(RankPlacement, RefusesTooFewPlacesInOneLine) {
  try {
    place_ranks(parse("a\nb slots=3\n"), 5);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("need 5 places and the hostfile has 4"));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

TEST(RankPlacement, IsPrintedWithTheServer) {
  EXPECT_EQ(rank_map(parse("a\nb slots=3\n")),
            "rank 0         a  (rank 0 is the server)\nranks 1-3      b\n");
}

TEST(ThisMachine, IsKnownByItsNameAndItsAddresses) {
  std::array<char, 256> own{};
  ASSERT_EQ(gethostname(own.data(), own.size() - 1), 0);
  EXPECT_TRUE(is_this_machine(own.data()));
  EXPECT_TRUE(is_this_machine("localhost"));
  EXPECT_TRUE(is_this_machine("127.0.0.1"));
  EXPECT_FALSE(is_this_machine("192.0.2.1"));  // an address that no machine has (RFC 5737)
}

}  // namespace
}  // namespace detox
