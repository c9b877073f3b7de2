// --heal: a run goes back to before what liars alone have said was used.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <utility>

#include "base/round_number.hpp"
#include "support/attacked_run.hpp"
#include "support/odd_worker.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const Options kHealed = {{"approach", "audit"},   {"workers", "11"},    {"batch-size", "4"},
                         {"max-steps", "24"},     {"eval-freq", "5"},   {"audit-rate", "0.3"},
                         {"assume-fail", "2"},    {"worker-fail", "2"}, {"heal", "on"},
                         {"err-mode", "rev_grad"}};

constexpr std::size_t kStepBegins = 8;  // in a frame

struct Back {
  std::uint64_t from, to;
  bool operator==(const Back&) const = default;
};

std::vector<Back> backs(const ToyRun& run, const char* journal = "rounds.jsonl") {
  std::vector<Back> found;
  for (const auto& line : run.journal(journal)) {
    if (line.contains("back_from")) found.push_back({line["back_from"], line["step"]});
  }
  return found;
}

/// Lines of the steps that stand.
std::vector<nlohmann::json> standing(const ToyRun& run, const char* journal) {
  std::vector<nlohmann::json> lines;
  for (const auto& line : run.journal(journal)) {
    const bool goes_back = line.contains("back_from");
    while (goes_back && !lines.empty() && lines.back()["step"] > line["step"]) lines.pop_back();
    if (!goes_back) lines.push_back(line);
  }
  return lines;
}

std::uint64_t put_out(const ToyRun& run) { return run.journal("rounds.jsonl").back()["put_out"]; }

/// Of steps that stand: slices of which the liars' answer was used.
std::uint64_t corrupt(const ToyRun& run) {
  std::uint64_t sum = 0;
  for (const auto& line : standing(run, "metrics.jsonl"))
    sum += line.value("corrupted", std::uint64_t{0});
  return sum;
}

TEST(Healing, GivesTheBytesOfARunWithoutLiarsAtEveryCheckpoint) {
  std::size_t went_back = 0;
  for (const auto& more :
       std::vector<Options>{{},
                            {{"arbiter", "workers"}},
                            {{"audit-rate", "1"}, {"lie-when", "safe"}, {"recheck", "0.3"}},
                            {{"lie-rate", "0.3"}, {"max-steps", "60"}},
                            {{"evict-after", "2"}, {"max-steps", "60"}},
                            {{"approach", "detox"},
                             {"group-size", "2"},
                             {"arbiter", "server"},
                             {"workers", "6"},
                             {"mode", "trimmed-mean"},
                             {"lie-when", "safe"},
                             {"max-steps", "90"},
                             {"recheck", "0.5"}}}) {
    const Options options = with(kHealed, more);
    SCOPED_TRACE(more.empty() ? "" : more.begin()->first + " " + more.begin()->second);
    AttackedRun healed(options);
    AttackedRun clean(with(options, {{"worker-fail", "0"}, {"heal", "off"}}));
    healed.locally();
    clean.locally();
    went_back += backs(healed.run).size();
    ASSERT_EQ(put_out(healed.run), 2U);
    EXPECT_EQ(corrupt(healed.run), 0U);
    for (const std::string step : {"5", "10", "15", "20"})
      EXPECT_EQ(healed.run.file("model_step_" + step), clean.run.file("model_step_" + step))
          << step;
    EXPECT_EQ(healed.run.final_model(), clean.run.final_model());
    AttackedRun network(options);
    EXPECT_EQ(network.over_network().bytes(), healed.bytes());
    EXPECT_EQ(network.run.file("rounds.jsonl"), healed.run.file("rounds.jsonl"));
    EXPECT_EQ(network.run.file("commitments.jsonl"), healed.run.file("commitments.jsonl"));
    EXPECT_EQ(network.run.rejected_frames, 0U);
  }
  EXPECT_GE(went_back, 5U);
}

TEST(Healing, TakesBackNoStepInWhichSomebodyElseHasSaidTheSame) {
  // All is compared, and nobody lies where the other may tell.
  AttackedRun run(with(kHealed, {{"audit-rate", "1"}, {"worker-fail", "1"}}));
  run.locally();
  EXPECT_EQ(put_out(run.run), 1U);
  EXPECT_THAT(backs(run.run), IsEmpty());
}

TEST(Healing, GoesBackToTheNewestCheckpointBeforeTheFirstUnsureStep) {
  AttackedRun run(with(kHealed, {{"eval-freq", "1"},
                                 {"audit-rate", "1"},
                                 {"lie-when", "safe"},
                                 {"recheck", "0.3"},
                                 {"max-steps", "60"}}));
  run.locally();
  const auto found = backs(run.run);
  ASSERT_THAT(found, Not(IsEmpty()));
  EXPECT_EQ(backs(run.run, "metrics.jsonl"), found);
  EXPECT_EQ(backs(run.run, "commitments.jsonl"), found);
  std::set<std::uint64_t> out;
  const auto is_unsure = [&](const nlohmann::json& slice) {
    const std::set<std::uint64_t> counted = slice["counted"];
    return slice["used"].get<bool>() && !slice.contains("server") &&
           std::ranges::includes(out, counted);
  };
  std::vector<nlohmann::json> stood;
  for (const nlohmann::json& line : run.run.journal("rounds.jsonl")) {
    if (!line.contains("back_from")) {
      stood.push_back(line);
      for (const std::uint64_t worker : line.value("convicted", std::vector<std::uint64_t>()))
        out.insert(worker);
      continue;
    }
    const auto first = std::ranges::find_if(stood, [&](const nlohmann::json& step) {
      return std::ranges::any_of(step["slices"], is_unsure);
    });
    ASSERT_NE(first, stood.end());
    EXPECT_EQ((*first)["step"].get<std::uint64_t>(), line["step"].get<std::uint64_t>() + 1);
    stood.erase(first, stood.end());
  }
}

TEST(Healing, IsTheSameWhereverItIsStoppedAndGoesOn) {
  const Options options = with(kHealed, {{"lie-rate", "0.5"}, {"max-steps", "16"}});
  AttackedRun whole(options);
  whole.locally();
  ASSERT_THAT(backs(whole.run), Not(IsEmpty()));
  const std::size_t rounds = whole.run.journal("metrics.jsonl").size();
  for (std::size_t after = 1; after < rounds; after += 2) {
    SCOPED_TRACE(after);
    AttackedRun parts(options);
    parts.run.stop_after_rounds = after;
    if (parts.run.over_local_engine() == RunEnd::kFinished) continue;
    parts.resumed();
    EXPECT_EQ(parts.bytes(), whole.bytes());
    for (const char* journal :
         {"rounds.jsonl", "commitments.jsonl", "ledger.jsonl", "attackers.jsonl"})
      EXPECT_EQ(parts.run.file(journal), whole.run.file(journal)) << journal;
  }
}

/// Up to where a line has this, without that line.
void cut_before(const std::filesystem::path& file, const std::string& what) {
  std::ifstream stream(file);
  std::string kept, line;
  while (std::getline(stream, line) && line.find(what) == std::string::npos) kept += line + "\n";
  std::ofstream(file) << kept;
}

TEST(Healing, GoesOnWhereItWasKilledBetweenTheCheckpointAndTheLinesAboutIt) {
  const Options options = with(kHealed, {{"max-steps", "16"}, {"eval-freq", "100"}});
  AttackedRun whole(options), killed(options);
  whole.locally();
  ASSERT_THAT(backs(whole.run), Not(IsEmpty()));
  killed.run.stop_after_rounds = backs(whole.run).front().from;
  ASSERT_EQ(killed.run.over_local_engine(), RunEnd::kInterrupted);
  ASSERT_THAT(backs(killed.run), SizeIs(1));
  for (const char* journal : {"rounds.jsonl", "metrics.jsonl", "commitments.jsonl"})
    cut_before(killed.directory / "run" / journal, "back_from");
  killed.resumed();
  EXPECT_EQ(killed.bytes(), whole.bytes());
  for (const char* journal : {"rounds.jsonl", "commitments.jsonl", "ledger.jsonl"})
    EXPECT_EQ(killed.run.file(journal), whole.run.file(journal)) << journal;
}

TEST(Healing, KeepsTheBeginningHoweverFewCheckpointsAreKept) {
  AttackedRun run(
      with(kHealed, {{"keep-checkpoints", "1"}, {"lie-rate", "0.1"}, {"max-steps", "60"}}));
  AttackedRun clean(with(kHealed, {{"worker-fail", "0"}, {"max-steps", "60"}}));
  run.locally();
  EXPECT_TRUE(std::filesystem::exists(run.directory / "run" / "model_step_0"));
  EXPECT_FALSE(std::filesystem::exists(run.directory / "run" / "model_step_5"));
  ASSERT_EQ(put_out(run.run), 2U);
  EXPECT_EQ(run.run.final_model(), clean.locally().run.final_model());
}

TEST(Healing, GoesBackFurtherWhereACheckpointIsDamaged) {
  const Options options = with(kHealed, {{"audit-rate", "1"},
                                         {"lie-when", "safe"},
                                         {"recheck", "0.3"},
                                         {"max-steps", "60"},
                                         {"eval-freq", "1"}});
  AttackedRun whole(options), damaged(options);
  whole.locally();
  // The first going back that has an earlier checkpoint than the one it chose.
  const auto found = backs(whole.run);
  const auto later = std::ranges::find_if(found, [](const Back& back) { return back.to > 0; });
  ASSERT_NE(later, found.end());
  damaged.run.after_step = [&](std::uint64_t step) {
    if (step != later->to + 1) return;
    const auto file = damaged.directory / "run" / ("model_step_" + std::to_string(later->to));
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(-1, std::ios::end);
    stream.put('\x55');
  };
  damaged.locally();
  EXPECT_EQ(damaged.run.final_model(), whole.run.final_model());
}

TEST(Healing, IsVerifiedAndReplayed) {
  AttackedRun healed(with(kHealed, {{"lie-rate", "0.5"}}));
  healed.over_network();
  ASSERT_THAT(backs(healed.run), Not(IsEmpty()));
  const Verified verified = healed.run.verify({});
  EXPECT_THAT(verified.differences, IsEmpty());
  EXPECT_EQ(verified.agreed, 24U);
  std::uint64_t taken_back = 0;
  for (const Back& back : backs(healed.run)) taken_back += back.from - back.to;
  EXPECT_EQ(verified.taken_back, taken_back);
  AttackedRun replayed(
      with(kHealed, {{"lie-rate", "0.5"}, {"replay", (healed.directory / "run").string()}}));
  EXPECT_EQ(replayed.locally().bytes(), healed.bytes());
  EXPECT_EQ(standing(replayed.run, "rounds.jsonl"), standing(healed.run, "rounds.jsonl"));
  EXPECT_EQ(replayed.run.verify({}).agreed, 24U);
  AttackedRun again(
      with(kHealed, {{"lie-rate", "0.5"}, {"replay", (replayed.directory / "run").string()}}));
  EXPECT_EQ(again.locally().bytes(), healed.bytes());
}

TEST(Healing, TakesNothingForThisAttemptThatWasSaidInAnother) {
  const Options options = with(kHealed, {{"lie-rate", "0.5"}});
  AttackedRun local(options), network(options);
  ASSERT_THAT(backs(local.locally().run), Not(IsEmpty()));
  std::set<std::uint64_t> liars;
  for (const auto& [step, worker] : local.told()) liars.insert(worker);
  // An honest worker that says again, and otherwise, what it said in the attempt before, and what
  // it will say in later ones.
  int which = 1;
  while (liars.contains(static_cast<std::uint64_t>(which))) ++which;
  std::vector<FrameBytes> said;
  std::size_t said_again = 0;
  network.run.over_network([&](int rank, Transport& transport) {
    if (rank != which) return false;
    AlteredTransport end(transport, [&](Transport& inner, int to, const FrameBytes& frame) {
      const std::uint64_t round = parse_frame(*frame).step;
      const bool is_digest = parse_frame(*frame).kind == FrameKind::kDigest;
      inner.send(to, frame);
      if (!is_digest) return;
      for (const FrameBytes& earlier : said) {
        if (attempt_of_round(parse_frame(*earlier).step) == attempt_of_round(round)) continue;
        inner.send(to, earlier);
        inner.send(to, spoilt(earlier));
        ++said_again;
      }
      if (said.size() < 3) said.push_back(frame);
      for (const std::uint64_t later :
           {round_number(attempt_of_round(round) + 1, step_of_round(round)),
            round_number(attempt_of_round(round) + 1, 0), round_number(kMostAttempts, 1),
            ~std::uint64_t{0}}) {
        auto bytes = std::make_shared<FrameBuffer>(*spoilt(frame));
        for (std::size_t i = 0; i < sizeof later; ++i)
          (*bytes)[kStepBegins + i] = static_cast<std::byte>(later >> (8 * i));
        inner.send(to, bytes);
      }
    });
    serve_as_worker(end, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
    return true;
  });
  EXPECT_GT(said_again, 10U);
  EXPECT_EQ(network.bytes(), local.bytes());
  EXPECT_EQ(network.run.file("rounds.jsonl"), local.run.file("rounds.jsonl"));
  EXPECT_EQ(network.accused(), local.accused());
  EXPECT_GT(network.run.rejected_frames, 0U);
}

TEST(Healing, IsReplayedUpToAStepThatItWentBackTo) {
  const Options options = with(kHealed, {{"audit-rate", "1"},
                                         {"lie-when", "safe"},
                                         {"recheck", "0.3"},
                                         {"max-steps", "30"},
                                         {"eval-freq", "1"}});
  AttackedRun whole(options), ended(options);
  whole.locally();
  const auto found = backs(whole.run);
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_GT(found.front().to, 0U);
  ended.run.stop_after_rounds = found.front().from;
  ASSERT_EQ(ended.run.over_local_engine(), RunEnd::kInterrupted);
  // It compares itself with the checkpoints that are there.
  AttackedRun of_ended(with(options, {{"replay", (ended.directory / "run").string()}}));
  of_ended.locally();
  AttackedRun of_whole(with(options, {{"replay", (whole.directory / "run").string()},
                                      {"max-steps", std::to_string(found.front().to)}}));
  of_whole.locally();
  EXPECT_EQ(backs(of_ended.run), found);
  EXPECT_EQ(backs(of_whole.run), found);
  AttackedRun again(with(options, {{"replay", (of_whole.directory / "run").string()}}));
  EXPECT_EQ(backs(again.locally().run), found);
}

TEST(Healing, TakesBackWhatWasUsedBeforeItWasAskedFor) {
  const Options healed = with(kHealed, {{"eval-freq", "1"},
                                        {"audit-rate", "1"},
                                        {"lie-when", "safe"},
                                        {"recheck", "0.3"},
                                        {"max-steps", "60"}});
  AttackedRun whole(healed), later(with(healed, {{"heal", "off"}}));
  AttackedRun clean(with(healed, {{"worker-fail", "0"}}));
  whole.locally();
  const std::uint64_t from = backs(whole.run).at(0).from;
  later.run.stop_after = from + 2;
  ASSERT_EQ(later.run.over_local_engine(), RunEnd::kInterrupted);
  ToyRun resumed(later.directory / "run", healed);
  resumed.resume = true;
  resumed.over_local_engine();
  EXPECT_EQ(backs(resumed).at(0), (Back{from + 2, backs(whole.run).at(0).to}));
  ASSERT_EQ(put_out(resumed), 2U);
  EXPECT_EQ(resumed.final_model(), clean.locally().run.final_model());
}

TEST(Healing, GoesBackToTheBeginningWhereItsFirstLinesAreLost) {
  Options options = with(kHealed, {{"audit-rate", "1"}, {"worker-fail", "1"}, {"lie-rate", "0.1"}});
  std::uint64_t convicted = 0;
  for (int seed = 1; convicted < 2; ++seed) {
    ASSERT_LT(seed, 20);
    options["seed"] = std::to_string(seed);
    AttackedRun whole(options);
    ASSERT_THAT(backs(whole.locally().run), IsEmpty());
    for (const auto& line : whole.run.journal("rounds.jsonl"))
      if (line.contains("convicted")) convicted = line["step"];
  }
  AttackedRun lost(options);
  bool is_lost = false;
  lost.run.after_step = [&](std::uint64_t) {
    if (!std::exchange(is_lost, true)) std::ofstream(lost.directory / "run" / "rounds.jsonl");
  };
  lost.locally();
  EXPECT_THAT(backs(lost.run), ElementsAre(Back{convicted, 0}));
}

TEST(Healing, GoesBackNoFurtherForLostLinesOfStepsThatWereTakenAgain) {
  std::uint64_t second = 0;
  for (int seed = 1; second == 0; ++seed) {
    ASSERT_LT(seed, 20);
    AttackedRun lost(with(kHealed, {{"eval-freq", "1"},
                                    {"lie-rate", "0.1"},
                                    {"max-steps", "60"},
                                    {"seed", std::to_string(seed)}}));
    bool is_lost = false;
    lost.run.after_step = [&](std::uint64_t) {
      if (!std::exchange(is_lost, true)) std::ofstream(lost.directory / "run" / "rounds.jsonl");
    };
    const std::vector<Back> found = backs(lost.locally().run);
    if (found.size() < 2) continue;
    EXPECT_EQ(found[0].to, 0U);
    second = found[1].to;
  }
}

TEST(Healing, IsTheSameOnBothEnginesAndConvictsNobodyHonestInTwentyConfigurations) {
  std::mt19937 random(17);
  const auto any = [&](std::initializer_list<const char*> of) {
    return std::string(*(of.begin() + random() % of.size()));
  };
  std::size_t went_back = 0, without_liars = 0;
  for (int i = 0; i < 20; ++i) {
    const std::size_t workers = 5 + random() % 12, q = 1 + random() % ((workers - 1) / 2);
    Options options = {{"workers", std::to_string(workers)},
                       {"assume-fail", std::to_string(q)},
                       {"worker-fail", std::to_string(1 + random() % q)},
                       {"arbiter", any({"server", "workers"})},
                       {"recheck", any({"0", "0.05", "1"})},
                       {"evict-after", any({"1", "2"})},
                       {"err-mode", any({"rev_grad", "sdc", "stale", "constant"})},
                       {"lie-rate", any({"1", "0.3"})},
                       {"lie-when", any({"always", "safe", "first", "second"})},
                       {"mode", "normal"},
                       {"on-divergence", "continue"},
                       {"batch-size", "2"},
                       {"max-steps", "12"},
                       {"eval-freq", any({"1", "4", "100"})},
                       {"heal", "on"},
                       {"seed", std::to_string(random() % 1000)}};
    options = random() % 2 == 0
                  ? with(options, {{"approach", "audit"}, {"audit-rate", any({"0.1", "0.3", "1"})}})
                  : with(options, {{"group-size", any({"2", "3"})}});
    std::string told;
    for (const auto& [name, value] : options)
      told.append(name).append(" ").append(value).append(", ");
    SCOPED_TRACE(told);
    AttackedRun local(options), network(options);
    local.locally();
    EXPECT_EQ(network.over_network().bytes(), local.bytes());
    EXPECT_EQ(network.run.file("rounds.jsonl"), local.run.file("rounds.jsonl"));
    EXPECT_EQ(network.run.file("commitments.jsonl"), local.run.file("commitments.jsonl"));
    EXPECT_EQ(network.run.rejected_frames, 0U);
    EXPECT_EQ(local.accused(), local.accused("convicted"));
    for (const auto& one : local.accused()) EXPECT_TRUE(local.told().contains(one));
    AttackedRun replayed(with(options, {{"replay", (network.directory / "run").string()}}));
    EXPECT_EQ(replayed.locally().bytes(), local.bytes());
    went_back += backs(local.run).size();
    const auto steps = standing(local.run, "metrics.jsonl");
    const bool are_whole = std::ranges::all_of(
        steps, [](const nlohmann::json& line) { return line["unresolved"] == 0U; });
    if (put_out(local.run) < std::stoul(options.at("worker-fail")) || !are_whole) continue;
    AttackedRun clean(with(options, {{"worker-fail", "0"}, {"heal", "off"}}));
    EXPECT_EQ(local.run.final_model(), clean.locally().run.final_model());
    ++without_liars;
  }
  EXPECT_GE(went_back, 5U);
}

}  // namespace
}  // namespace detox
