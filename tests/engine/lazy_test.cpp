// --lazy asks for a further replica only where it is needed, and changes no model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "support/odd_worker.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

using testing::IsEmpty;

/// A run that is over, and what it left.
struct Ran {
  MemoryDirectory directory;
  ToyRun run;
  explicit Ran(const Options& options) : run(directory / "run", options) {}

  Ran& locally() {
    run.threads = 2;
    EXPECT_EQ(run.over_local_engine(), RunEnd::kFinished);
    return *this;
  }
  Ran& over_network(const ToyRun::StandIn& stand_in = {}) {
    EXPECT_EQ(run.over_network(stand_in), RunEnd::kFinished);
    return *this;
  }
  /// Of all steps.
  std::uint64_t computed() const {
    std::uint64_t sum = 0;
    for (const auto& line : run.journal("metrics.jsonl"))
      sum += line["computed"].get<std::uint64_t>();
    return sum;
  }
  std::string model() const { return run.final_model(); }
};

const Options kNine = {
    {"workers", "9"}, {"batch-size", "4"}, {"max-steps", "12"}, {"eval-freq", "6"}};
const Options kLazy = {{"lazy", "on"}};

/// So that every option meets every other one some time.
Options random_configuration(std::mt19937& random) {
  const auto any = [&](std::initializer_list<const char*> of) {
    return std::string(*(of.begin() + random() % of.size()));
  };
  static const std::vector<std::string> kLies = [] {
    std::vector<std::string> names;
    for (const AttackInfo& attack : attacks()) {
      if (attack.is_lis_simulation || attack.name == "crash" || attack.name == "straggler")
        continue;
      names.emplace_back(attack.name);
    }
    return names;
  }();
  const std::size_t r = 3 + 2 * (random() % 3), workers = r + random() % (2 * r + 3);
  const std::size_t own = workers / r;
  const std::size_t slices = random() % 2 == 0 ? own : own + random() % (workers - own + 1);
  return {{"workers", std::to_string(workers)},
          {"group-size", std::to_string(r)},
          {"slices", std::to_string(slices)},
          {"worker-fail", std::to_string(random() % (workers / 2 + 1))},
          {"err-mode", kLies[random() % kLies.size()]},
          {"adversarial", "2"},
          {"fail-schedule", any({"per-step", "fixed", "worst-case"})},
          {"placement", any({"random", "fixed"})},
          {"mode", "normal"},
          {"on-divergence", "continue"},
          {"batch-size", "2"},
          {"max-steps", "6"},
          {"seed", std::to_string(random() % 1000)}};
}

TEST(Lazy, GivesTheModelsOfEagerRunsInTwentyConfigurationsOnBothEngines) {
  std::mt19937 random(16);
  std::set<std::string> models;
  for (int i = 0; i < 20; ++i) {
    const Options eager = random_configuration(random), lazy = with(eager, kLazy);
    const Options bytes = with(lazy, {{"vote", "bytes"}});
    Ran expected(eager), local(lazy), every(with(lazy, {{"compute-every-replica", "on"}}));
    Ran network(lazy), eager_network(eager), copies(bytes);
    const std::string model = expected.locally().model();
    std::string told;
    for (const auto& [name, value] : eager)
      told.append(name).append(" ").append(value).append(", ");
    EXPECT_EQ(local.locally().model(), model) << told;
    EXPECT_EQ(every.locally().model(), model) << told;
    EXPECT_EQ(eager_network.over_network().model(), model) << told;
    EXPECT_EQ(network.over_network().model(), model) << told;
    EXPECT_EQ(copies.over_network().model(), model) << told;
    EXPECT_LE(local.computed(), expected.computed()) << told;
    EXPECT_EQ(network.computed(), local.computed()) << told;
    EXPECT_EQ(network.run.rejected_frames, 0U) << told;
    EXPECT_EQ(network.run.journal("ledger.jsonl"), local.run.journal("ledger.jsonl")) << told;
    models.insert(model);
  }
  EXPECT_GT(models.size(), 15U);
}

TEST(Lazy, ComputesTwoOfThreeReplicasWhileNobodyLies) {
  Ran eager(kNine), lazy(with(kNine, kLazy));
  EXPECT_EQ(eager.locally().computed(), 9U * 12);
  EXPECT_EQ(lazy.locally().computed(), 6U * 12);
  EXPECT_EQ(lazy.model(), eager.model());
  EXPECT_THAT(lazy.run.journal("ledger.jsonl"), IsEmpty());
}

TEST(Lazy, TakesMoreSlicesFromTheSameWorkers) {
  Ran lazy(with(kNine, {{"lazy", "on"}, {"slices", "4"}}));
  EXPECT_EQ(lazy.locally().computed(), 8U * 12);
  EXPECT_EQ(lazy.run.plan().f_eff, 1U);  // q = 1 in the lists of two slices, m = 2
}

TEST(Lazy, AsksTheThirdWhereALiarWasAsked) {
  Ran lazy(with(kNine, {{"lazy", "on"}, {"worker-fail", "1"}, {"fail-schedule", "fixed"}}));
  lazy.locally();
  std::uint64_t outvoted = 0;
  for (const auto& line : lazy.run.journal("ledger.jsonl")) {
    EXPECT_EQ(line["kind"], "outvoted");
    ++outvoted;
  }
  EXPECT_GT(outvoted, 0U);
  EXPECT_LT(outvoted, 12U);  // it is not asked in each step
  EXPECT_EQ(lazy.computed(), std::uint64_t{6} * 12 + outvoted);
}

/// Nobody is waited for until the deadline.
void expect_as_eager(const Options& options, const ToyRun::StandIn& stand_in,
                     double seconds_a_step) {
  Ran eager(options), lazy(with(options, kLazy));
  eager.locally();
  lazy.run.step_timeout_s = 60;
  lazy.over_network(stand_in);
  EXPECT_EQ(lazy.model(), eager.model());
  EXPECT_LT(lazy.run.seconds, seconds_a_step * 12);
  Ran replayed(with(options, {{"lazy", "on"}, {"replay", (lazy.directory / "run").string()}}));
  EXPECT_EQ(replayed.locally().model(), lazy.model());
}

TEST(Lazy, AsksSomebodyElseWhereAWorkerIsSilent) {
  expect_as_eager(
      kNine,
      [](int rank, Transport& transport) {
        if (rank != 5) return false;
        odd_worker(transport, [](Transport&, const OrderView&) {});
        return true;
      },
      20);
}

TEST(Lazy, AsksSomebodyElseWhereOneEndsInTheMiddle) {
  expect_as_eager(kNine, ends_in_the_middle(5), 3);
}

TEST(Lazy, AsksSomebodyElseWhereOneHasPromisedAndDoesNotDeliver) {
  // Two promise and do not deliver: where both are asked first nobody is left but the third.
  expect_as_eager(kNine, promise_and_do_not_deliver({5, 6}), 25);
}

TEST(Lazy, GoesOnFromACheckpointAsItWouldHave) {
  const Options options = with(kNine, {{"lazy", "on"}, {"worker-fail", "2"}});
  Ran whole(options), half(options);
  whole.locally();
  half.run.stop_after = 6;
  EXPECT_EQ(half.run.over_local_engine(), RunEnd::kInterrupted);
  half.run.stop_after = 0;
  half.run.stop = false;
  half.run.resume = true;
  half.locally();
  EXPECT_EQ(half.model(), whole.model());
  EXPECT_EQ(half.run.final_state(), whole.run.final_state());
  EXPECT_EQ(half.computed(), whole.computed());
}

}  // namespace
}  // namespace detox
