// Engines agree: one configuration gives one sequence of bytes, however it is computed.
#include <gtest/gtest.h>

#include <set>

#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

const Options kUnderAttack = {{"workers", "9"},         {"worker-fail", "2"},
                              {"mode", "coord-median"}, {"batch-size", "4"},
                              {"max-steps", "40"},      {"lis-simulation", "simulate"},
                              {"eval-freq", "10"}};

struct Bytes {
  std::string model, state;
  bool operator==(const Bytes&) const = default;
};

Bytes local(const Options& options, std::size_t threads) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", options);
  run.threads = threads;
  EXPECT_EQ(run.over_local_engine(), RunEnd::kFinished);
  return {run.final_model(), run.final_state()};
}

Bytes network(const Options& options) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", options);
  EXPECT_EQ(run.over_network(), RunEnd::kFinished);
  EXPECT_EQ(run.rejected_frames, 0U);
  return {run.final_model(), run.final_state()};
}

TEST(Engines, GiveTheSameBytesOnAnyNumberOfThreads) {
  const Bytes one = local(kUnderAttack, 1);
  EXPECT_GT(one.model.size(), 100U);
  EXPECT_EQ(local(kUnderAttack, 2), one);
  EXPECT_EQ(local(kUnderAttack, 5), one);
}

TEST(Engines, GiveTheSameBytesWhereEveryReplicaIsComputed) {
  EXPECT_EQ(local(with(kUnderAttack, {{"compute-every-replica", "on"}}), 2),
            local(kUnderAttack, 2));
}

TEST(Engines, GiveTheSameBytesOverATransport) {
  EXPECT_EQ(network(kUnderAttack), local(kUnderAttack, 2));
  for (const AttackInfo& attack : attacks()) {
    // Those that are late are in availability_test.cpp.
    if (attack.name == "alie" || attack.name == "crash" || attack.name == "straggler") continue;
    const Options options = with(
        kUnderAttack,
        {{"lis-simulation", "none"}, {"err-mode", std::string(attack.name)}, {"max-steps", "12"}});
    EXPECT_EQ(network(options), local(options, 2)) << attack.name;
  }
}

/// Not in simulated time, where one thread at a time goes on: the thread sanitizer is to see what
/// they share. No deadline comes near, on whatever machine.
TEST(Engines, GiveTheSameBytesOnThreadsInRealTime) {
  const Bytes expected = local(kUnderAttack, 2);
  for (const char* vote : {"digest", "bytes"}) {
    for (const char* way : {"Bcast", "Async"}) {
      const MemoryDirectory directory;
      ToyRun run(directory / "run", with(kUnderAttack, {{"vote", vote}, {"comm-type", way}}));
      run.threads = 2;
      run.step_timeout_s = run.server_timeout_s = 600;
      EXPECT_EQ(run.over_threads(), RunEnd::kFinished);
      EXPECT_EQ(run.rejected_frames, 0U);
      EXPECT_EQ((Bytes{run.final_model(), run.final_state()}), expected) << vote << ' ' << way;
    }
  }
}

TEST(Engines, GiveTheSameBytesWhereTheAttackProbesTheDefence) {
  const Options probing = with(kUnderAttack, {{"lis-simulation", "none"},
                                              {"workers", "27"},
                                              {"worker-fail", "4"},
                                              {"fail-schedule", "worst-case"},
                                              {"max-steps", "8"}});
  for (const Options& defence :
       {Options{{"mode", "krum"}, {"pre", "nnm"}},
        {{"mode", "signSGD"}},
        {{"mode", "dnc"}},
        {{"mode", "geometric-median"}, {"semantics", "byzfl"}},
        {{"mode", "centered-clipping"}, {"clip-start", "last"}, {"clip-radius", "0.1"}},
        {{"mode", "monna"}, {"reference-row", "4"}},
        {{"buckets", "5"}, {"mode", "geometric-median"}},
        {{"buckets", "1"}, {"mode", "normal"}, {"inner-mode", "bulyan"}, {"worker-fail", "2"}}}) {
    std::set<std::string> models = {
        local(with(with(probing, defence), {{"err-mode", "none"}}), 2).model};
    for (const char* attack : {"alie_opt", "ipm_opt"}) {
      const Options options = with(with(probing, defence), {{"err-mode", attack}});
      const Bytes bytes = local(options, 2);
      EXPECT_EQ(network(options), bytes) << attack << " on " << defence.at("mode");
      models.insert(bytes.model);
    }
    EXPECT_EQ(models.size(), 3U) << defence.at("mode");
  }
}

TEST(Engines, GiveTheSameBytesWithSignsAndWithBuckets) {
  const Options signs = with(kUnderAttack, {{"mode", "signSGD"}, {"max-steps", "15"}});
  EXPECT_EQ(network(signs), local(signs, 2));
  const Options buckets =
      with(kUnderAttack,
           {{"workers", "21"}, {"buckets", "3"}, {"worker-fail", "3"}, {"max-steps", "15"}});
  EXPECT_EQ(network(buckets), local(buckets, 2));
}

TEST(Engines, GiveTheSameBytesWithSlicesThatCountAsTheirSamples) {
  // 6 slices of 5 and 4 samples: an even number, or the middle row would be the median either way.
  const Options same =
      with(kUnderAttack, {{"workers", "18"}, {"global-batch", "27"}, {"max-steps", "15"}});
  for (const char* mode :
       {"coord-median", "trimmed-mean", "geometric-median", "centered-clipping"}) {
    const Options plain = with(same, {{"mode", mode}}),
                  weighted = with(plain, {{"weights", "samples"}});
    const Bytes bytes = local(weighted, 2);
    EXPECT_EQ(network(weighted), bytes) << mode;
    EXPECT_NE(local(plain, 2).model, bytes.model) << mode;
  }
  // As many samples in all: the same model as without.
  const Options even = with(same, {{"global-batch", "24"}});
  EXPECT_EQ(local(with(even, {{"weights", "samples"}}), 1).model, local(even, 1).model);
}

TEST(Engines, GiveTheSameBytesInTheSemanticsOfOthers) {
  const Options even = with(kUnderAttack, {{"workers", "12"}, {"max-steps", "15"}});
  const Options byzpy = with(even, {{"semantics", "byzpy"}});
  const Bytes bytes = local(byzpy, 2);
  EXPECT_EQ(network(byzpy), bytes);
  EXPECT_NE(local(even, 2).model, bytes.model);
}

TEST(Engines, GiveTheSameBytesWithWorkersLeftOutAndUnevenGroups) {
  const Options options = with(kUnderAttack, {{"workers", "11"},
                                              {"absent", "3:2-20,7:5"},
                                              {"fail-schedule", "worst-case"},
                                              {"worker-fail", "1"}});
  EXPECT_EQ(network(options), local(options, 2));
}

TEST(Engines, DifferUnderEveryAttackThatOwnsASlice) {
  const Options mean = with(kUnderAttack, {{"approach", "baseline"},
                                           {"mode", "normal"},
                                           {"lis-simulation", "none"},
                                           {"on-divergence", "continue"},
                                           {"max-steps", "1"}});
  std::map<std::string, std::string_view> seen;
  for (const AttackInfo& attack : attacks()) {
    // The one is only late, the other honest in the first step.
    if (attack.name == "alie" || attack.name == "straggler" || attack.name == "stale") continue;
    const Options options = with(mean, {{"err-mode", std::string(attack.name)}});
    const auto [place, is_new] = seen.emplace(local(options, 2).model, attack.name);
    EXPECT_TRUE(is_new) << attack.name << " and " << place->second;
  }
}

TEST(Engines, DifferWhereTheSeedDiffers) {
  EXPECT_NE(local(with(kUnderAttack, {{"seed", "1"}}), 2).model, local(kUnderAttack, 2).model);
}

TEST(Engines, GiveTheSameBytesWithARuleThatBeginsAtItsLastResult) {
  const Options zero = with(kUnderAttack, {{"mode", "centered-clipping"}, {"clip-radius", "0.1"}});
  const Options last = with(zero, {{"clip-start", "last"}});
  const Bytes whole = local(last, 2);
  EXPECT_NE(whole.model, local(zero, 2).model);
  EXPECT_EQ(network(last), whole);
  const MemoryDirectory directory;
  ToyRun first(directory / "run", last);
  first.stop_after = 17;
  ASSERT_EQ(first.over_local_engine(), RunEnd::kInterrupted);
  ToyRun second(directory / "run", last);
  second.resume = true;
  ASSERT_EQ(second.over_local_engine(), RunEnd::kFinished);
  EXPECT_EQ((Bytes{second.final_model(), second.final_state()}), whole);
}

TEST(Engines, GiveTheSameBytesAfterAnInterruptionAndAResume) {
  const MemoryDirectory directory;
  for (const std::uint64_t at : {1U, 10U, 17U, 39U}) {
    const auto folder = directory / std::to_string(at);
    ToyRun first(folder, kUnderAttack);
    first.stop_after = at;
    ASSERT_EQ(first.over_local_engine(), RunEnd::kInterrupted);
    ToyRun second(folder, kUnderAttack);
    second.resume = true;
    second.threads = 2;
    ASSERT_EQ(second.over_local_engine(), RunEnd::kFinished);
    EXPECT_EQ((Bytes{second.final_model(), second.final_state()}), local(kUnderAttack, 1)) << at;
    EXPECT_EQ(second.journal("metrics.jsonl").size(), 40U);
  }
}

}  // namespace
}  // namespace detox
