#include "launch/mpirun_lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace detox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kRule(74, '-');

std::vector<std::string> shown(const std::vector<std::string>& lines) {
  MpirunLines stream;
  std::vector<std::string> result;
  for (const std::string& line : lines) {
    for (std::string& text : stream.take(line)) result.push_back(std::move(text));
  }
  for (std::string& text : stream.finish()) result.push_back(std::move(text));
  return result;
}

TEST(MpirunLines, KeepOutWhatOpenMpiSaysOfPeersThatAreGone) {
  const auto graph = [](int rank) {
    return "[vm][[33455,1]," + std::to_string(rank) +
           "][../../opal/mca/btl/tcp/btl_tcp_proc.c:266:create_interface_graph] ";
  };
  const std::string pairing =
      "Unable to find reachable pairing between local and remote interfaces";
  const std::string bad_param =
      "[vm:07032] PMIX ERROR: BAD-PARAM in file "
      "../../../src/event/pmix_event_notification.c at line 1033";
  const std::string reset =
      "[node2][[51,1],3][../../btl_tcp_frag.c:241:mca_btl_tcp_frag_recv] "
      "mca_btl_tcp_frag_recv: readv failed: Connection reset by peer (104)";
  EXPECT_THAT(
      shown({bad_param,
             "[node-2.cluster:31] PMIX ERROR: UNREACHABLE in file ../src/server.c at line 9 ",
             "mpirun: Forwarding signal 10 to job", reset,
             // Of two ranks, each in two pieces.
             graph(2) + graph(0) + pairing, pairing}),
      IsEmpty());
}

TEST(MpirunLines, PassOnEverythingElse) {
  const std::vector<std::string> lines = {"warning: something",
                                          "",
                                          "[vm:07032] a word of PMIX ERROR",
                                          "--",
                                          "[1,2] x",
                                          "There are not enough slots available"};
  EXPECT_EQ(shown(lines), lines);
  EXPECT_FALSE(
      is_mpi_noise("[vm:1] PMIX ERROR: " + std::string(100'000, 'x') + " in file a at line 1"));
}

TEST(MpirunLines, MakeOneLineOfALostProcess) {
  EXPECT_THAT(shown({"before", kRule,
                     ("mpirun noticed that process rank 3 with PID 0 on node vm exited on signal 9 "
                      "(Killed)."),
                     kRule, "after"}),
              ElementsAre("before", "rank 3 on vm was ended by signal 9 (Killed)", "after"));
  EXPECT_THAT(shown({kRule, "Primary job  terminated normally, but 1 process returned",
                     "a non-zero exit code. Per user-direction, the job has been aborted.", kRule}),
              IsEmpty());
}

TEST(MpirunLines, MakeOneLineOfALostProcessUnderOpenMpi5) {
  EXPECT_THAT(
      shown({kRule, "prterun noticed that process rank 1 with PID 22861 on node vm exited on",
             "signal 9 (Killed).", kRule}),
      ElementsAre("rank 1 on vm was ended by signal 9 (Killed)"));
  EXPECT_THAT(
      shown({kRule, "prterun detected that one or more processes exited with non-zero status,",
             "thus causing the job to be terminated. The first process to do so was:", "",
             "   Process name: [prterun-vm-23110@1,1]", "   Exit code:    3", kRule}),
      IsEmpty());
}

TEST(MpirunLines, MakeOneLineOfALostDaemon) {
  for (const std::string runtime : {"ORTE", "PRTE"}) {  // of Open MPI 4 and 5
    EXPECT_THAT(
        shown({kRule, runtime + " has lost communication with a remote daemon.", "",
               "  HNP daemon   : [[5,0],0] on node vm", "  Remote daemon: [[5,0],1] on node host2",
               "", "This is usually due to either a failure of the TCP network", kRule}),
        ElementsAre("the MPI daemon of host host2 is lost, and its workers with it"));
  }
}

TEST(MpirunLines, PassOnAnotherBannerWholeAndOneThatNeverEnds) {
  const std::vector<std::string> other = {kRule, "There are not enough slots available", "", kRule};
  EXPECT_EQ(shown(other), other);
  std::vector<std::string> endless(1, kRule);
  endless.resize(MpirunLines::kLongestBanner + 20, "text");
  EXPECT_EQ(shown(endless), endless);
  EXPECT_EQ(shown({kRule, "half"}), (std::vector<std::string>{kRule, "half"}));
}

}  // namespace
}  // namespace detox
