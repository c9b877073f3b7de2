// Reports are made up here; whole checks over real ssh are in tests/program/hosts_test.py.
#include "launch/host_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kGiga = 1'000'000'000;

HeardHost host(const std::string& name,
               const std::vector<std::string>& networks = {"10.0.0.1/24"}) {
  HostReport report;
  report.version = "0.1.0";
  report.program = std::string(64, 'a');
  report.has_orted = true;
  report.networks = networks;
  report.memory = 8 * kGiga;
  report.shared_bytes = kGiga / 10;
  report.data = std::string(64, 'd');
  report.network = "n";
  return {.host = name, .ranks = 1, .is_here = false, .report = report, .failure = ""};
}

RunNeeds needs() {
  RunNeeds needs;
  needs.network = "LeNet";
  needs.worker_bytes = kGiga;
  needs.server_bytes = 2 * kGiga;
  return needs;
}

TEST(HostChecks, FindNothingWhereAllAreTheSame) {
  EXPECT_THAT(findings({host("a"), host("b"), host("c")}, needs()), IsEmpty());
}

TEST(HostChecks, NameEachHostOnceWithAllThatIsWrong) {
  std::vector<HeardHost> hosts{host("server"), host("b"), host("c"), host("d"), host("e")};
  hosts[1].report->version = "0.0.9";
  hosts[2].report->program = std::string(64, 'b');
  hosts[2].report->data = std::string(64, 'e');
  hosts[3].report->has_orted = false;
  hosts[4].report.reset();
  hosts[4].failure = "not reached by ssh: no route";
  EXPECT_THAT(
      findings(hosts, needs()),
      ElementsAre("b: detoxml there is 0.0.9, on server 0.1.0",
                  AllOf(HasSubstr("c: detoxml there is another build"), HasSubstr("bbbbbbbbbbbb"),
                        HasSubstr("; its training data differ from those on server")),
                  HasSubstr("d: no orted"), "e: not reached by ssh: no route"));
}

TEST(HostChecks, NeedNoDaemonOnThisMachine) {
  std::vector<HeardHost> hosts{host("a")};
  hosts[0].is_here = true;
  hosts[0].report->has_orted = false;
  EXPECT_THAT(findings(hosts, needs()), IsEmpty());
}

TEST(HostChecks, SayWhyAHostCannotReadItsData) {
  std::vector<HeardHost> hosts{host("a"), host("b")};
  hosts[1].report->data.clear();
  hosts[1].report->failure = "FashionMNIST: not found";
  hosts[1].report->failure_code = 1;
  EXPECT_THAT(findings(hosts, needs()), ElementsAre("b: FashionMNIST: not found"));
}

TEST(HostChecks, CountTheMemoryOfAllProcessesOfAHost) {
  std::vector<HeardHost> hosts{host("a"), host("b")};
  hosts[0].ranks = 3;
  hosts[1].ranks = 7;
  EXPECT_EQ(bytes_needed(hosts[0], true, needs()), kGiga / 10 + 2 * kGiga + 2 * kGiga);
  EXPECT_EQ(bytes_needed(hosts[1], false, needs()), kGiga / 10 + 7 * kGiga);
  EXPECT_THAT(findings(hosts, needs()), IsEmpty());
  hosts[1].ranks = 8;
  EXPECT_THAT(
      findings(hosts, needs()),
      ElementsAre("b: 8 processes of this run need about 8.1 GB of memory, 8.0 GB are free"));
}

TEST(HostReports, SurviveTheWayAsText) {
  HostReport report = *host("a").report;
  report.failure = "a \"quoted\" line\n\xff";
  report.needs = needs();
  const auto parsed = parse_report("a library said something\n" + report_text(report) + "\n");
  ASSERT_TRUE(parsed && parsed->needs);
  EXPECT_EQ(parsed->data, report.data);
  EXPECT_EQ(parsed->networks, report.networks);
  EXPECT_THAT(parsed->failure, HasSubstr("a \"quoted\" line\n"));
  EXPECT_EQ(parsed->needs->server_bytes, 2 * kGiga);
  EXPECT_EQ(parse_needs(needs_text(needs()))->network, "LeNet");
}

TEST(HostReports, AreNoneWhereSomethingElseWasSaid) {
  EXPECT_FALSE(parse_report(""));
  EXPECT_FALSE(parse_report("detoxml 0.0.1\n"));
  EXPECT_FALSE(parse_report("{\"version\": 3}"));
  EXPECT_FALSE(parse_report("[]"));
  EXPECT_FALSE(parse_needs("{}"));
}

TEST(HostReports, AreNoneWhereANumberIsNoneOfItsField) {
  const std::string text = report_text(*host("a").report);
  const auto with_memory = [&text](const std::string& number) {
    return std::regex_replace(text, std::regex("\"memory\":[0-9]+"), "\"memory\":" + number);
  };
  EXPECT_TRUE(parse_report(with_memory("18446744073709551615")));
  for (const char* number : {"18446744073709551616", "-1", "1.5", "true", "\"1\""})
    EXPECT_FALSE(parse_report(with_memory(number))) << number;
}

/// Addresses stand for names here, so nothing is looked up.
TEST(NetworkBetweenHosts, IsThatOfTheHostfilesAddresses) {
  const std::string docker = "172.17.0.1/16";
  EXPECT_EQ(network_between({host("10.0.0.1", {"10.0.0.1/24", docker}),
                             host("10.0.0.6", {docker, "10.0.0.6/24"})}),
            "10.0.0.0/29");
  EXPECT_EQ(network_between(
                {host("10.1.0.1", {"10.1.0.1/24", docker}), host("10.2.0.1", {"10.2.0.1/24"})}),
            "10.0.0.0/14");
}

TEST(NetworkBetweenHosts, IsLeftToMpiWhereThereIsNoChoice) {
  EXPECT_EQ(network_between({host("10.0.0.1", {"10.0.0.1/24"}), host("10.0.0.2", {"10.0.0.2/24"})}),
            "");
}

TEST(NetworkBetweenHosts, IsLeftToMpiWhereTheAddressIsNotTheHostsOwn) {
  EXPECT_EQ(network_between({host("10.0.0.1", {"10.0.0.1/24", "192.168.0.1/24"}),
                             host("203.0.113.9", {"10.0.0.2/24", "192.168.0.2/24"})}),
            "");
}

TEST(NetworkBetweenHosts, IsLeftToMpiWhereAnotherAddressLiesInIt) {
  EXPECT_EQ(network_between({host("10.0.0.1", {"10.0.0.1/24", "10.0.0.3/32"}),
                             host("10.0.0.6", {"10.0.0.6/24"})}),
            "");
}

TEST(NetworkBetweenHosts, KnowsThisMachineByWhereTheOthersWereReachedFrom) {
  HeardHost here = host("127.0.0.1", {"10.0.0.1/24", "172.17.0.1/16"});
  here.is_here = true;
  HeardHost there = host("another.invalid", {"10.0.0.6/24", "172.17.0.1/16"});
  there.report->reached_at = "10.0.0.6";
  there.report->reached_from = "10.0.0.1";
  EXPECT_EQ(network_between({here, there}), "10.0.0.0/29");
}

}  // namespace
}  // namespace detox
