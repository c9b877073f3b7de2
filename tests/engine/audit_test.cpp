// --approach audit and --arbiter: what differs is decided by an arbiter, and who lied is put out.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "support/attacked_run.hpp"
#include "support/odd_worker.hpp"

namespace detox {
namespace {

using testing::IsEmpty;
using testing::Not;

const Options kAudited = {{"approach", "audit"}, {"workers", "11"},  {"batch-size", "4"},
                          {"max-steps", "12"},   {"eval-freq", "6"}, {"audit-rate", "0.1"},
                          {"assume-fail", "2"}};

std::uint64_t computed(const ToyRun& run) {
  std::uint64_t sum = 0;
  for (const auto& line : run.journal("metrics.jsonl"))
    sum += line["computed"].get<std::uint64_t>();
  return sum;
}

/// Workers by their numbers in the files, from 1.
std::set<std::uint64_t> convicted(const ToyRun& run) {
  std::set<std::uint64_t> workers;
  for (const auto& line : run.journal("ledger.jsonl")) {
    if (line["kind"] == "convicted") workers.insert(line["worker"].get<std::uint64_t>());
  }
  return workers;
}

std::set<std::uint64_t> byzantine(const ToyRun& run) {
  const std::vector<bool> liars =
      run.byzantine(1, run.plan().deal({}, 1, std::vector<bool>(run.plan().workers), 0));
  std::set<std::uint64_t> workers;
  for (std::size_t worker = 0; worker < liars.size(); ++worker) {
    if (liars[worker]) workers.insert(worker + 1);
  }
  return workers;
}

TEST(Audit, GivesTheModelOfABaselineWithAsManySlicesForATenthMore) {
  AttackedRun audited(kAudited), plain(with(kAudited, {{"approach", "baseline"},
                                                       {"workers", "10"},
                                                       {"mode", "trimmed-mean"},
                                                       {"audit-rate", "0.1"}}));
  EXPECT_EQ(audited.locally().run.final_model(), plain.locally().run.final_model());
  EXPECT_EQ(computed(plain.run), 10U * 12);
  EXPECT_EQ(computed(audited.run), 11U * 12);
  AttackedRun network(kAudited);
  EXPECT_EQ(network.over_network().run.final_model(), plain.run.final_model());
  EXPECT_EQ(network.run.rejected_frames, 0U);
  EXPECT_THAT(network.run.journal("ledger.jsonl"), IsEmpty());
}

TEST(Audit, ConvictsWhoLiesAndPutsItOut) {
  for (const char* arbiter : {"server", "workers"}) {
    const Options options = with(
        kAudited,
        {{"arbiter", arbiter}, {"worker-fail", "2"}, {"audit-rate", "0.5"}, {"max-steps", "30"}});
    AttackedRun local(options), network(options);
    local.locally();
    EXPECT_EQ(convicted(local.run), byzantine(local.run)) << arbiter;
    for (const auto& line : local.run.journal("ledger.jsonl")) {
      EXPECT_EQ(line["kind"], "convicted");
      EXPECT_EQ(line["arbiter"], arbiter);
      EXPECT_NE(line["said"], line["truth"]);
    }
    EXPECT_EQ(network.over_network().run.final_model(), local.run.final_model()) << arbiter;
    EXPECT_EQ(convicted(network.run), convicted(local.run)) << arbiter;
    EXPECT_EQ(computed(network.run), computed(local.run)) << arbiter;
    EXPECT_EQ(network.run.rejected_frames, 0U) << arbiter;
    // Whoever is out gets nothing to do.
    const auto last = local.run.journal("rounds.jsonl").back();
    EXPECT_EQ(last["put_out"], 2U);
    for (const auto& slice : last["slices"]) {
      for (const std::uint64_t worker : convicted(local.run))
        EXPECT_THAT(slice["assigned"], Not(testing::Contains(worker)));
    }
  }
}

TEST(Audit, ConvictsWhoPromisesALieAndDoesNotDeliverAndLosesNoSlice) {
  for (const char* arbiter : {"server", "workers"}) {
    SCOPED_TRACE(arbiter);
    AttackedRun attacked(with(kAudited, {{"arbiter", arbiter}, {"audit-rate", "0.01"}}));
    ToyRun& run = attacked.run;
    EXPECT_EQ(run.over_network([&](int rank, Transport& transport) {
      if (rank != 4) return false;
      AlteredTransport end(transport, [](Transport& inner, int to, FrameBytes frame) {
        const FrameView view = parse_frame(*frame);
        if (view.kind == FrameKind::kChunk) return;
        if (view.kind != FrameKind::kDigest) return inner.send(to, std::move(frame));
        std::vector<std::byte> lie(view.payload.begin(), view.payload.end());
        lie.back() ^= std::byte{1};
        inner.send(to, make_digest(view.step, view.slice, lie));
      });
      serve_as_worker(end, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
      return true;
    }),
              RunEnd::kFinished);
    EXPECT_EQ(convicted(run), std::set<std::uint64_t>{4});
    for (const auto& line : run.journal("metrics.jsonl")) EXPECT_EQ(line["unresolved"], 0U) << line;
    AttackedRun honest(with(kAudited, {{"audit-rate", "0.01"}}));
    EXPECT_EQ(run.final_model(), honest.locally().run.final_model());
  }
}

/// So that every option meets every other one some time.
Options any_arbitrated(std::mt19937& random) {
  const auto any = [&](std::initializer_list<const char*> of) {
    return std::string(*(of.begin() + random() % of.size()));
  };
  static const std::vector<std::string> kLies = [] {
    std::vector<std::string> names;
    for (const AttackInfo& attack : attacks()) {
      if (!attack.is_lis_simulation && attack.name != "crash" && attack.name != "straggler")
        names.emplace_back(attack.name);
    }
    return names;
  }();
  const std::size_t workers = 5 + random() % 12, q = 1 + random() % ((workers - 1) / 2);
  Options options = {{"workers", std::to_string(workers)},
                     {"assume-fail", std::to_string(q)},
                     {"worker-fail", std::to_string(random() % (q + 1))},
                     {"arbiter", any({"server", "workers"})},
                     {"recheck", any({"0", "0.05", "1"})},
                     {"evict-after", any({"1", "2", "never"})},
                     {"err-mode", kLies[random() % kLies.size()]},
                     {"adversarial", "2"},
                     {"lie-rate", any({"1", "0.3"})},
                     {"fail-schedule", any({"auto", "per-step"})},
                     {"mode", "normal"},
                     {"on-divergence", "continue"},
                     {"batch-size", "2"},
                     {"max-steps", "8"},
                     {"seed", std::to_string(random() % 1000)}};
  if (random() % 2 == 0)
    return with(options, {{"approach", "audit"}, {"audit-rate", any({"0.1", "0.3", "1"})}});
  const std::string r = any({"2", "3", "4", "5"});
  return with(options, {{"group-size", r}, {"lazy", r == "2" ? "off" : any({"on", "off"})}});
}

TEST(Audit, IsTheSameOnBothEnginesAndConvictsNoHonestWorkerInFortyConfigurations) {
  std::mt19937 random(16);
  std::size_t convictions = 0;
  for (int i = 0; i < 40; ++i) {
    const Options options = any_arbitrated(random);
    std::string told;
    for (const auto& [name, value] : options)
      told.append(name).append(" ").append(value).append(", ");
    SCOPED_TRACE(told);
    AttackedRun local(options), every(with(options, {{"compute-every-replica", "on"}}));
    AttackedRun network(options);
    local.locally();
    EXPECT_EQ(every.locally().run.final_model(), local.run.final_model());
    EXPECT_EQ(network.over_network().run.final_model(), local.run.final_model());
    EXPECT_EQ(network.run.file("rounds.jsonl"), local.run.file("rounds.jsonl"));
    EXPECT_EQ(computed(network.run), computed(local.run));
    EXPECT_EQ(network.run.rejected_frames, 0U);
    std::map<std::uint64_t, std::set<std::uint64_t>> liars;
    for (const auto& line : local.run.journal("attackers.jsonl")) {
      for (const std::uint64_t worker : line["attackers"]) liars[line["step"]].insert(worker);
    }
    for (const auto& line : local.run.journal("ledger.jsonl")) {
      EXPECT_EQ(line["kind"], "convicted");
      EXPECT_TRUE(liars[line["step"]].contains(line["worker"])) << line;
      ++convictions;
    }
    AttackedRun replayed(with(options, {{"replay", (network.directory / "run").string()}}));
    EXPECT_EQ(replayed.locally().run.final_model(), local.run.final_model());
    EXPECT_EQ(replayed.run.final_state(), local.run.final_state());
    EXPECT_EQ(replayed.run.file("rounds.jsonl"), network.run.file("rounds.jsonl"));
  }
  EXPECT_GT(convictions, 40U);
}

TEST(Audit, GoesOnFromACheckpointWithoutThoseWhoWerePutOut) {
  const Options options = with(kAudited, {{"worker-fail", "2"}, {"audit-rate", "1"}});
  AttackedRun whole(options), half(options);
  whole.locally();
  half.run.stop_after = 6;
  EXPECT_EQ(half.run.over_local_engine(), RunEnd::kInterrupted);
  half.run.stop_after = 0;
  half.run.stop = false;
  half.run.resume = true;
  half.locally();
  EXPECT_EQ(half.run.final_model(), whole.run.final_model());
  EXPECT_EQ(half.run.final_state(), whole.run.final_state());
  EXPECT_EQ(half.run.file("rounds.jsonl"), whole.run.file("rounds.jsonl"));
  EXPECT_EQ(convicted(half.run), byzantine(half.run));
}

TEST(Audit, TakesAWorkerInAgainWhereItIsAnotherMachineNow) {
  const Options options = with(kAudited, {{"worker-fail", "2"}, {"audit-rate", "1"}});
  AttackedRun run(options);
  run.run.stop_after = 6;
  EXPECT_EQ(run.run.over_local_engine(), RunEnd::kInterrupted);
  const std::set<std::uint64_t> liars = convicted(run.run);
  ASSERT_EQ(liars.size(), 2U);
  ToyRun resumed(run.directory / "run",
                 with(options, {{"readmit", std::to_string(*liars.begin())}}));
  resumed.resume = true;
  EXPECT_EQ(resumed.over_local_engine(), RunEnd::kFinished);
  const auto rounds = resumed.journal("rounds.jsonl");
  EXPECT_EQ(rounds[5]["put_out"], 2U);
  EXPECT_EQ(rounds[6]["put_out"], 1U);  // and this liar is at once convicted again
  EXPECT_EQ(rounds[11]["put_out"], 2U);
  EXPECT_EQ(rounds[6]["readmitted"], nlohmann::json::array({*liars.begin()}));
  AttackedRun replayed(with(options, {{"replay", (run.directory / "run").string()}}));
  EXPECT_EQ(replayed.locally().run.final_state(), resumed.final_state());
  EXPECT_EQ(replayed.run.file("rounds.jsonl"), resumed.file("rounds.jsonl"));
}

/// What run.json says.
std::map<std::uint64_t, std::string> convicted_on(const ToyRun& run) {
  std::map<std::uint64_t, std::string> hosts;
  const auto status = nlohmann::json::parse(run.file("run.json"));
  if (!status.contains("convicted_on")) return hosts;
  for (const auto& entry : status["convicted_on"]) hosts[entry["worker"]] = entry["host"];
  return hosts;
}

TEST(Audit, SaysWhereTheNumberOfAConvictedWorkerIsOnAnotherHostNow) {
  const Options options =
      with(kAudited, {{"worker-fail", "2"}, {"audit-rate", "1"}, {"eval-freq", "3"}});
  AttackedRun attacked(options);
  std::vector<std::string> hosts;
  for (std::uint32_t worker = 0; worker < attacked.run.plan().workers; ++worker)
    hosts.push_back(fmt::format("node{}", worker + 1));
  attacked.run.hosts = hosts;
  attacked.run.stop_after = 6;
  EXPECT_EQ(attacked.run.over_network(), RunEnd::kInterrupted);
  const std::set<std::uint64_t> liars = convicted(attacked.run);
  ASSERT_EQ(liars, byzantine(attacked.run));
  std::map<std::uint64_t, std::string> were;
  for (const std::uint64_t liar : liars) were[liar] = hosts[liar - 1];
  EXPECT_EQ(convicted_on(attacked.run), were);

  // Resumed up to a step: what it says, and what run.json says then.
  const auto resumed = [&](std::uint64_t step, const std::vector<std::string>& now,
                           const Options& more, bool over_network) {
    ToyRun run(attacked.directory / "run", with(options, more));
    run.resume = true;
    run.hosts = now;
    run.stop_after = step;
    testing::internal::CaptureStderr();
    EXPECT_EQ(over_network ? run.over_network() : run.over_local_engine(), RunEnd::kInterrupted);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(resumed(7, hosts, {}, true), Not(testing::HasSubstr("another host")));
  EXPECT_THAT(resumed(8, {}, {}, false), Not(testing::HasSubstr("another host")));
  const auto first = static_cast<std::size_t>(*liars.begin());
  std::vector<std::string> now = hosts;
  now[first - 1] = "another\x1b node";
  // As often as it is so: the conviction was there, and not where the number was since.
  for (const std::uint64_t step : {9U, 10U}) {
    EXPECT_THAT(resumed(step, now, {}, true),
                testing::HasSubstr(fmt::format(
                    "warning: convicted on another host than it has now: worker {0} on 'node{0}', "
                    "now on 'another? node'; where that is another machine, --readmit {0} takes it "
                    "in\n",
                    first)));
    EXPECT_EQ(convicted_on(attacked.run), were);
  }
  const std::string log = resumed(11, now, {{"readmit", std::to_string(first)}}, true);
  EXPECT_THAT(log, Not(testing::HasSubstr("another host")));
  EXPECT_THAT(log, testing::HasSubstr(fmt::format("worker {} is taken in again", first)));
  were[first] = "another? node";  // and is at once convicted again
  EXPECT_EQ(convicted_on(attacked.run), were);
}

TEST(Audit, KnowsNoHostsInTheLocalEngine) {
  AttackedRun run(with(kAudited, {{"worker-fail", "2"}, {"audit-rate", "1"}}));
  run.locally();
  EXPECT_EQ(convicted(run.run).size(), 2U);
  EXPECT_EQ(run.run.file("run.json"), "{\"message\":\"\",\"status\":\"finished\",\"step\":12}\n");
}

TEST(Audit, GoesOnWhereItsStatusFileIsDamaged) {
  AttackedRun run(with(kAudited, {{"worker-fail", "2"}, {"audit-rate", "1"}}));
  run.run.stop_after = 6;
  EXPECT_EQ(run.run.over_local_engine(), RunEnd::kInterrupted);
  std::ofstream(run.directory / "run" / "run.json") << "{";
  run.run.stop_after = 0;
  run.run.stop = false;
  run.run.resume = true;
  testing::internal::CaptureStderr();
  run.locally();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("on which hosts workers were convicted is not known"));
}

TEST(Audit, LosesNoSliceWhereTooFewAreLeftToRecheckIt) {
  // Two liars are put out; then one of the other three is away, and two cannot say it thrice.
  Options options = {{"group-size", "2"},  {"workers", "5"},    {"assume-fail", "2"},
                     {"worker-fail", "2"}, {"recheck", "1"},    {"arbiter", "workers"},
                     {"batch-size", "4"},  {"max-steps", "40"}, {"mode", "normal"},
                     {"eval-freq", "20"}};
  const AttackedRun look(options);
  std::uint64_t honest = 1;
  while (byzantine(look.run).contains(honest)) ++honest;
  options["absent"] = fmt::format("{}:21-40", honest);
  AttackedRun local(options), network(options);
  local.locally();
  EXPECT_EQ(convicted(local.run), byzantine(local.run));
  const auto rounds = local.run.journal("rounds.jsonl");
  EXPECT_EQ(rounds[19]["put_out"], 2U);
  for (std::size_t step = 21; step <= 40; ++step) {
    EXPECT_EQ(rounds[step - 1]["away"].size(), 3U);
    EXPECT_EQ(local.run.journal("metrics.jsonl")[step - 1]["unresolved"], 0U) << step;
  }
  EXPECT_EQ(network.over_network().run.final_model(), local.run.final_model());
  EXPECT_EQ(network.run.file("rounds.jsonl"), local.run.file("rounds.jsonl"));
  AttackedRun replayed(with(options, {{"replay", (network.directory / "run").string()}}));
  EXPECT_EQ(replayed.locally().run.final_state(), local.run.final_state());
  EXPECT_EQ(replayed.run.file("rounds.jsonl"), local.run.file("rounds.jsonl"));
}

/// Nobody is waited for until the deadline, nobody is convicted, and the model is that of a run in
/// which nothing happened.
void expect_no_harm(const Options& options, const ToyRun::StandIn& stand_in,
                    double seconds_a_step) {
  for (const char* arbiter : {"server", "workers"}) {
    const Options here = with(options, {{"arbiter", arbiter}});
    AttackedRun calm(here), disturbed(here);
    calm.locally();
    EXPECT_EQ(disturbed.run.over_network(stand_in), RunEnd::kFinished);
    EXPECT_EQ(disturbed.run.final_model(), calm.run.final_model()) << arbiter;
    EXPECT_LT(disturbed.run.seconds, seconds_a_step * 12) << arbiter;
    EXPECT_THAT(convicted(disturbed.run), IsEmpty()) << arbiter;
    AttackedRun replayed(with(here, {{"replay", (disturbed.directory / "run").string()}}));
    EXPECT_EQ(replayed.locally().run.final_model(), disturbed.run.final_model()) << arbiter;
  }
}

// Two of twelve may be spared in each step, so that somebody can do what one does not.
const Options kSparing =
    with(kAudited, {{"workers", "12"}, {"slices", "8"}, {"audit-rate", "0.2"}});

TEST(Audit, GivesASliceToSomebodyElseWhereItsWorkerEnds) {
  expect_no_harm(kSparing, ends_in_the_middle(5), 3);
}

TEST(Audit, GivesASliceToSomebodyElseWhereItsWorkerPromisesAndDoesNotDeliver) {
  expect_no_harm(kSparing, promise_and_do_not_deliver({5}), 25);
}

/// Tells what it receives.
class ReadTransport final : public TransportAround {
 public:
  using Tell = std::function<void(const ReceivedFrame& frame)>;
  ReadTransport(Transport& inner, Tell tell) : TransportAround(inner), tell_(std::move(tell)) {}
  std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout,
                                       std::size_t max_bytes) override {
    auto received = inner_.receive(timeout, max_bytes);
    if (received) tell_(*received);
    return received;
  }

 private:
  Tell tell_;
};

TEST(Audit, LosesNoSliceWhereNobodyAnswersWhoIsAskedToRecheckIt) {
  const Options options = with(kSparing, {{"arbiter", "workers"},
                                          {"audit-rate", "0.5"},
                                          {"recheck", "1"},
                                          {"max-steps", "4"},
                                          {"eval-freq", "4"}});
  // In three seconds not all can be asked one after the other.
  for (const double deadline_s : {60.0, 3.0}) {
    AttackedRun calm(options), silent(options);
    calm.locally();
    silent.run.step_timeout_s = silent.run.start_timeout_s = deadline_s;
    EXPECT_EQ(silent.run.over_network([](int, Transport& transport) {
      std::map<std::uint64_t, std::uint32_t> dealt;  // by step; what comes later is to recheck it
      ReadTransport in(transport, [&](const ReceivedFrame& received) {
        const FrameView view = parse_frame(received.bytes);
        if (view.kind == FrameKind::kOrder) dealt.try_emplace(view.step, view.slice);
      });
      AlteredTransport end(in, [&](Transport& inner, int to, FrameBytes frame) {
        const FrameView view = parse_frame(*frame);
        if (view.kind == FrameKind::kDigest && dealt[view.step] != view.slice) return;
        inner.send(to, std::move(frame));
      });
      serve_as_worker(end, 60, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
      return true;
    }),
              RunEnd::kFinished);
    EXPECT_GT(computed(silent.run), computed(calm.run));  // one after the other was asked
    EXPECT_EQ(silent.run.final_model(), calm.run.final_model()) << deadline_s;
    for (const auto& line : silent.run.journal("metrics.jsonl"))
      EXPECT_EQ(line["unresolved"], 0U) << line;
    EXPECT_THAT(convicted(silent.run), IsEmpty());
    AttackedRun replayed(with(options, {{"replay", (silent.directory / "run").string()}}));
    EXPECT_EQ(replayed.locally().run.final_state(), silent.run.final_state());
    EXPECT_EQ(replayed.run.file("rounds.jsonl"), silent.run.file("rounds.jsonl"));
  }
}

TEST(Audit, ShowsAWorkerNoDifferenceBeforeItsDigestsWhereItsSliceHasASecondCopy) {
  // What comes before its digest, step by step: kinds and sizes of frames, and from whom.
  AttackedRun run(with(kAudited, {{"max-steps", "40"}, {"audit-rate", "0.3"}, {"slices", "8"}}));
  struct Seen {
    std::string frames;
    std::set<std::uint32_t> slices;
  };
  std::map<std::pair<int, std::uint64_t>, Seen> seen;  // by rank and step
  EXPECT_EQ(run.run.over_network([&](int rank, Transport& transport) {
    std::uint64_t step = 0;
    ReadTransport end(transport, [&, rank](const ReceivedFrame& received) {
      const FrameView view = parse_frame(received.bytes);
      if (view.kind != FrameKind::kOrder) return;
      step = view.step;
      Seen& here = seen[{rank, step}];
      here.frames += fmt::format("order of {} bytes; ", received.bytes.size());
      if (view.slice != kNoSlice) here.slices.insert(view.slice);
    });
    serve_as_worker(end, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
    return true;
  }),
            RunEnd::kFinished);
  std::map<std::size_t, std::set<std::string>> alone, compared;  // by orders
  for (const auto& line : run.run.journal("rounds.jsonl")) {
    for (const auto& slice : line["slices"]) {
      for (const int worker : slice["assigned"]) {
        const Seen& here = seen[{worker, line["step"].get<std::uint64_t>()}];
        EXPECT_TRUE(here.slices.contains(slice["slice"].get<std::uint32_t>()));
        (slice["assigned"].size() > 1 ? compared : alone)[here.slices.size()].insert(here.frames);
      }
    }
  }
  EXPECT_EQ(compared, alone);
}

}  // namespace
}  // namespace detox
