// What digests promise and workers do: wrong chunks, none, weights altered on the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/odd_worker.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using DigestOptions = std::map<std::string, std::string>;

const DigestOptions kFixedPlacement = {{"workers", "9"},
                                       {"batch-size", "4"},
                                       {"max-steps", "6"},
                                       {"assume-fail", "1"},
                                       {"placement", "fixed"}};

std::string model_of_local_run(const DigestOptions& options) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", options);
  run.over_local_engine();
  return run.final_model();
}

/// A run in which the frames of these ranks go through `altered`, and what is left of it.
struct AlteredRun {
  MemoryDirectory directory;
  ToyRun run;

  AlteredRun(const std::set<int>& ranks, const AlteredTransport::Send& altered,
             double step_timeout_s = 30, const DigestOptions& options = kFixedPlacement)
      : run(directory / "run", options) {
    run.step_timeout_s = step_timeout_s;
    run.over_network([&](int rank, Transport& transport) {
      if (!ranks.contains(rank)) return false;
      AlteredTransport end(transport, altered);
      serve_as_worker(end, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
      return true;
    });
  }

  std::multiset<std::string> seen(int rank) const {
    std::multiset<std::string> kinds;
    for (const auto& line : run.journal("ledger.jsonl")) {
      if (line["worker"] == rank) kinds.insert(line["kind"].get<std::string>());
    }
    return kinds;
  }
};

void spoil_chunks(Transport& inner, int to, FrameBytes frame) {
  const bool is_chunk = parse_frame(*frame).kind == FrameKind::kChunk;
  inner.send(to, is_chunk ? spoilt(frame) : std::move(frame));
}

void keep_chunks(Transport& inner, int to, FrameBytes frame) {
  if (parse_frame(*frame).kind != FrameKind::kChunk) inner.send(to, std::move(frame));
}

TEST(DigestVoting, GivesTheSameCheckpointsAsFullCopiesAndAsOneProcess) {
  for (const std::string attack : {"none", "rev_grad", "alie"}) {
    DigestOptions options = {{"workers", "15"}, {"batch-size", "4"}, {"max-steps", "5"}};
    options["worker-fail"] = attack == "none" ? "0" : "3";
    if (attack == "alie") options["lis-simulation"] = "simulate";
    const std::string local = model_of_local_run(options);
    for (const std::string vote : {"digest", "bytes"}) {
      for (const std::string way : {"Bcast", "Async"}) {
        options["vote"] = vote;
        options["comm-type"] = way;
        const MemoryDirectory directory;
        ToyRun run(directory / "run", options);
        run.over_network();
        EXPECT_EQ(run.final_model(), local) << attack << ' ' << vote << ' ' << way;
        EXPECT_EQ(run.rejected_frames, 0U) << attack << ' ' << vote << ' ' << way;
      }
    }
  }
}

TEST(DigestVoting, AccusesAMemberThatSendsOtherBytesThanItPromisedAndTakesThemFromAnother) {
  const AlteredRun altered({4}, spoil_chunks);
  EXPECT_EQ(altered.run.final_model(), model_of_local_run(kFixedPlacement));
  EXPECT_GE(altered.seen(4).count("bad-chunk"), 1U);
  for (const int rank : {5, 6}) EXPECT_EQ(altered.seen(rank).count("bad-chunk"), 0U);
}

TEST(DigestVoting, AsksAnotherMemberForWhatOneDoesNotDeliver) {
  const AlteredRun altered({4}, keep_chunks);
  EXPECT_EQ(altered.run.final_model(), model_of_local_run(kFixedPlacement));
  EXPECT_LT(altered.run.seconds, 30);  // no deadline was paid
}

TEST(DigestVoting, LeavesASliceUnresolvedWhoseBytesNobodyDelivers) {
  const AlteredRun altered({4, 5, 6}, spoil_chunks);
  for (const auto& line : altered.run.journal("metrics.jsonl")) EXPECT_EQ(line["unresolved"], 1);
  for (const auto& line : altered.run.journal("rounds.jsonl"))
    EXPECT_TRUE(line["slices"][1]["counted"].empty());
  EXPECT_LT(altered.run.seconds, 30);  // three wrong chunks are reason enough
}

TEST(DigestVoting, PaysOneDeadlineForAMajorityThatPromisesAndDoesNotDeliver) {
  const AlteredRun altered({4, 5, 6}, keep_chunks, 3);
  for (const auto& line : altered.run.journal("metrics.jsonl")) EXPECT_EQ(line["unresolved"], 1);
  EXPECT_GE(altered.run.seconds, 3);
  EXPECT_LT(altered.run.seconds, 2 * 3);
  std::size_t undelivered = 0;
  for (const int rank : {4, 5, 6}) undelivered += altered.seen(rank).count("undelivered");
  EXPECT_GE(undelivered, 6U);
}

TEST(DigestVoting, GivesTheRightWeightsWhereRelaysAlterThem) {
  const AlteredRun altered({1, 2, 3, 4, 5}, [](Transport& inner, int to, FrameBytes frame) {
    const bool is_relayed = parse_frame(*frame).kind == FrameKind::kWeights;
    inner.send(to, is_relayed ? spoilt(frame) : std::move(frame));
  });
  EXPECT_EQ(altered.run.final_model(), model_of_local_run(kFixedPlacement));
  std::size_t bad = 0;
  for (const int rank : {1, 2, 3, 4, 5}) bad += altered.seen(rank).count("bad-relay");
  EXPECT_GE(bad, 1U);
  for (const int rank : {6, 7, 8, 9}) EXPECT_EQ(altered.seen(rank).count("bad-relay"), 0U);
}

TEST(DigestVoting, GivesTheRightWeightsWhereRelaysPassNothingOn) {
  const AlteredRun altered({1, 2, 3}, [](Transport& inner, int to, FrameBytes frame) {
    if (parse_frame(*frame).kind != FrameKind::kWeights) inner.send(to, std::move(frame));
  });
  EXPECT_EQ(altered.run.final_model(), model_of_local_run(kFixedPlacement));
  EXPECT_LT(altered.run.seconds, 30);
}

TEST(DigestVoting, HearsTheFirstOfTwoDigestsAndDeliversThatOne) {
  const AlteredRun altered({4}, [](Transport& inner, int to, FrameBytes frame) {
    const bool is_digest = parse_frame(*frame).kind == FrameKind::kDigest;
    const FrameBytes other = is_digest ? spoilt(frame) : nullptr;
    inner.send(to, std::move(frame));
    if (other) inner.send(to, other);
  });
  EXPECT_EQ(altered.run.final_model(), model_of_local_run(kFixedPlacement));
  EXPECT_GE(altered.seen(4).count("equivocated"), 1U);
}

}  // namespace
}  // namespace detox
