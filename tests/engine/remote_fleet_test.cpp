// Workers that misbehave over the transport cost their own contribution, never the run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "comm/simulated/simulated_network.hpp"
#include "detox/errors.hpp"
#include "support/odd_worker.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using Options = std::map<std::string, std::string>;
using testing::HasSubstr;

const Options kOptions = {
    {"workers", "9"}, {"batch-size", "4"}, {"max-steps", "6"}, {"assume-fail", "1"}};

std::string clean_model() {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.over_local_engine();
  return run.final_model();
}

struct Outcome {
  std::string model;
  std::multiset<std::string> kinds;  ///< of ledger entries on rank 4
  std::uint64_t rejected = 0;
  bool only_rank_4 = true;  ///< nobody else was accused
};

Outcome with_odd_rank_4(const std::function<void(Transport&, const OrderView&)>& answer,
                        const Options& options = kOptions) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", options);
  run.over_network([&](int rank, Transport& transport) {
    if (rank != 4) return false;
    odd_worker(transport, answer);
    return true;
  });
  Outcome outcome{run.final_model(), {}, run.rejected_frames, true};
  for (const auto& line : run.journal("ledger.jsonl")) {
    const bool is_4 = line["worker"] == 4;
    if (is_4) outcome.kinds.insert(line["kind"].get<std::string>());
    outcome.only_rank_4 = outcome.only_rank_4 && (is_4 || line["accusation"] == false);
  }
  return outcome;
}

TEST(RemoteFleet, OutvotesGarbageOfTheRightLength) {
  const Outcome outcome = with_odd_rank_4([](Transport& transport, const OrderView& order) {
    transport.send(0, claim(order.step, order.slice, toy_bytes(0xff)));
  });
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_GE(outcome.kinds.count("outvoted") + outcome.kinds.count("late-outvoted"), 5U);
  EXPECT_TRUE(outcome.only_rank_4);
}

TEST(RemoteFleet, DoesNotWaitForASilentWorkerWhereTheOthersOfItsSliceAgree) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.over_network([&](int rank, Transport& transport) {
    if (rank == 4) odd_worker(transport, [](Transport&, const OrderView&) {});
    return rank == 4;
  });
  EXPECT_LT(run.seconds, run.step_timeout_s);
  EXPECT_EQ(run.final_model(), clean_model());
  std::size_t missing = 0;
  for (const auto& line : run.journal("ledger.jsonl")) {
    missing += line["kind"] == "missing" && line["worker"] == 4 ? 1 : 0;
  }
  EXPECT_EQ(missing, 4U);  // of six steps: in the last two it may still answer
}

TEST(RemoteFleet, DoesNotWaitForASilentWorkerASecondTimeWhereTheOthersDisagree) {
  const MemoryDirectory directory;
  Options options = kOptions;
  options["placement"] = "fixed";
  ToyRun run(directory / "run", options);
  run.step_timeout_s = 2;
  run.over_network([&](int rank, Transport& transport) {
    if (rank != 4 && rank != 5) return false;
    odd_worker(transport, [rank](Transport& end, const OrderView& order) {
      if (rank == 4) end.send(0, claim(order.step, order.slice, toy_bytes(1)));
    });
    return true;
  });
  std::size_t waited = 0;
  for (const auto& line : run.journal("metrics.jsonl")) {
    EXPECT_EQ(line["unresolved"], 1);
    waited += line["seconds"]["total"].get<double>() >= run.step_timeout_s ? 1 : 0;
  }
  EXPECT_EQ(waited, 1U);
}

TEST(RemoteFleet, WaitsForEverybodyAgainAfterAStepThatAllHaveMissed) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.step_timeout_s = 2;
  bool is_over = false;
  run.after_step = [&](std::uint64_t) { is_over = true; };
  run.over_network([&](int rank, Transport& transport) {
    AlteredTransport end(transport, [&](Transport& inner, int to, FrameBytes frame) {
      if (parse_frame(*frame).kind == FrameKind::kDigest)
        run.pass_until(rank, [&] { return is_over; });
      inner.send(to, std::move(frame));
    });
    serve_as_worker(end, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
    return true;
  });
  const auto lines = run.journal("metrics.jsonl");
  EXPECT_EQ(lines.front()["resolved"], 0);
  EXPECT_EQ(lines.back()["resolved"], 3);
}

TEST(RemoteFleet, DoesNotGrowItsDeadlinesWhereWorkersTakeTurnsAtBeingSilent) {
  const MemoryDirectory directory;
  Options options = kOptions;
  options["placement"] = "fixed";
  ToyRun run(directory / "run", options);
  run.step_timeout_s = 0.3;
  run.start_timeout_s = 3;
  run.over_network([&](int rank, Transport& transport) {
    if (rank != 4 && rank != 5) return false;
    odd_worker(transport, [rank](Transport& end, const OrderView& order) {
      if ((order.step % 2 == 0) == (rank == 4)) return;
      end.send(0, claim(order.step, order.slice, toy_bytes(0)));
    });
    return true;
  });
  const auto lines = run.journal("metrics.jsonl");
  const auto total = [](const nlohmann::json& line) {
    return line["seconds"]["total"].get<double>();
  };
  EXPECT_GE(total(lines.front()), 3);
  EXPECT_LT(std::min(total(lines.back()), total(lines.end()[-2])), 2.5);
}

TEST(RemoteFleet, KeepsWorkersThatWaitLongerForSilentOnesThanTheyArePatient) {
  const MemoryDirectory directory;
  Options options = kOptions;
  options["placement"] = "fixed";
  options["max-steps"] = "2";
  ToyRun run(directory / "run", options);
  run.step_timeout_s = 4;
  run.server_timeout_s = 3;
  run.over_network([&](int rank, Transport& transport) {
    if (rank != 4 && rank != 5) return false;
    odd_worker(transport, [](Transport&, const OrderView&) {});
    return true;
  });
  EXPECT_EQ(run.journal("metrics.jsonl").back()["resolved"], 2);
}

TEST(RemoteFleet, CountsBytesThatAreNoMessageAndGoesOn) {
  const Outcome outcome = with_odd_rank_4([](Transport& transport, const OrderView& order) {
    transport.send(0, std::make_shared<const FrameBuffer>(100, std::byte{7}));
    transport.send(0, make_digest(order.step, order.slice, toy_bytes(0)));          // no digests
    transport.send(0, claim(order.step + 3, order.slice, toy_bytes(0)));            // another step
    transport.send(0, claim(order.step, (order.slice + 1) % 3, toy_bytes(0)));      // not its slice
    send_copy(transport, order.step, order.slice, toy_bytes(0));                    // unasked
    transport.send(0, make_ask_weights({order.step, AskReason::kWrongBytes, {}}));  // none
  });
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_GE(outcome.rejected, 5U);
  EXPECT_TRUE(outcome.only_rank_4);
}

/// A run in which rank 4 answers its first order with what `volume` sends, before anybody else says
/// anything.
struct VolumeOutcome {
  std::set<std::string> kinds;  ///< of ledger entries on rank 4
  bool others_accused = false;
  std::string model, text;
};
VolumeOutcome with_volume(const std::function<void(Transport&, const OrderView&)>& volume) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  bool is_sent = false;
  run.over_network([&](int rank, Transport& transport) {
    if (rank == 4) {
      odd_worker(transport, [&](Transport& end, const OrderView& order) {
        if (order.step > 1) return;
        volume(end, order);
        is_sent = true;
      });
      return true;
    }
    AlteredTransport end(transport, [&](Transport& inner, int to, FrameBytes frame) {
      if (parse_frame(*frame).kind == FrameKind::kDigest)
        run.pass_until(rank, [&] { return is_sent; });
      inner.send(to, std::move(frame));
    });
    serve_as_worker(end, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
    return true;
  });
  VolumeOutcome outcome{{}, false, run.final_model(), run.rejected_text};
  for (const auto& line : run.journal("ledger.jsonl")) {
    if (line["worker"] == 4) outcome.kinds.insert(line["kind"].get<std::string>());
    outcome.others_accused |= line["worker"] != 4 && line["accusation"] == true;
  }
  return outcome;
}

TEST(RemoteFleet, ShutsOutAndAccusesWhoSendsAFrameThatIsTooLong) {
  const VolumeOutcome outcome = with_volume([](Transport& end, const OrderView& order) {
    const std::vector<std::byte> bytes(std::size_t{2} << 20);
    end.send(0, make_digest(order.step, order.slice, bytes));
    end.send(0, claim(order.step, order.slice, toy_bytes(1)));
  });
  EXPECT_THAT(outcome.text, HasSubstr("rank 4 was shut out: "));
  EXPECT_THAT(outcome.text, HasSubstr(" frames, 1 that were too long, 0 other messages"));
  EXPECT_THAT(outcome.kinds, testing::Contains("oversized"));
  EXPECT_THAT(outcome.kinds, testing::Not(testing::Contains("outvoted")));  // it was not heard
  EXPECT_FALSE(outcome.others_accused);
  EXPECT_EQ(outcome.model, clean_model());
}

TEST(RemoteFleet, ShutsOutAndAccusesWhoSendsMoreThanItWasAskedFor) {
  const VolumeOutcome outcome = with_volume([](Transport& end, const OrderView&) {
    for (int i = 0; i < 3000; ++i) end.send(0, make_wait());
  });
  EXPECT_THAT(outcome.text, HasSubstr("rank 4 was shut out: "));
  EXPECT_THAT(outcome.kinds, testing::Contains("flood"));
  EXPECT_FALSE(outcome.others_accused);
  EXPECT_EQ(outcome.model, clean_model());
}

TEST(RemoteFleet, AccusesNobodyOfSomeFramesTooMany) {
  const VolumeOutcome outcome = with_volume([](Transport& end, const OrderView&) {
    for (int i = 0; i < 500; ++i) end.send(0, make_wait());
  });
  EXPECT_EQ(outcome.text, "500 frames from workers were no message of this run");
  EXPECT_THAT(outcome.kinds, testing::Not(testing::Contains("flood")));
  EXPECT_EQ(outcome.model, clean_model());
}

TEST(RemoteFleet, LogsTwoDifferentAnswersForOneSliceAsEquivocation) {
  for (const std::string vote : {"digest", "bytes"}) {
    Options options = kOptions;
    options["vote"] = vote;
    const Outcome outcome = with_odd_rank_4(
        [&](Transport& transport, const OrderView& order) {
          for (const int value : {1, 2}) {
            if (vote == "bytes") send_copy(transport, order.step, order.slice, toy_bytes(value));
            if (vote == "digest")
              transport.send(0, claim(order.step, order.slice, toy_bytes(value)));
          }
        },
        options);
    EXPECT_EQ(outcome.model, clean_model());
    EXPECT_GE(outcome.kinds.count("equivocated"), 1U) << vote;
    EXPECT_TRUE(outcome.only_rank_4);
  }
}

TEST(RemoteFleet, LogsAFloodOnceAStep) {
  const Outcome outcome = with_odd_rank_4([](Transport& transport, const OrderView& order) {
    for (int i = 0; i < 300; ++i) {
      transport.send(0, claim(order.step, order.slice, toy_bytes(i % 250)));
      transport.send(0, claim(order.step, (order.slice + 1) % 3, toy_bytes(i % 250)));
    }
  });
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_GE(outcome.kinds.count("equivocated"), 1U);
  EXPECT_GE(outcome.kinds.count("malformed"), 1U);
  EXPECT_LE(outcome.kinds.size(), 6U * 5U);
  EXPECT_TRUE(outcome.only_rank_4);
}

TEST(RemoteFleet, ComparesALateAnswerWithTheMajorityOfItsStep) {
  std::optional<std::pair<std::uint64_t, std::uint32_t>> held;
  const Outcome outcome = with_odd_rank_4([&](Transport& transport, const OrderView& order) {
    if (held) transport.send(0, claim(held->first, held->second, toy_bytes(9)));
    held.emplace(order.step, order.slice);
  });
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_GE(outcome.kinds.count("late-outvoted"), 1U);
  EXPECT_TRUE(outcome.only_rank_4);
}

TEST(RemoteFleet, GoesOnWithoutAWorkerThatFailsAndPaysNoTimeoutForIt) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.over_network([](int rank, Transport& transport) {
    if (rank != 4) return false;
    odd_worker(transport, [](Transport& end, const OrderView& order) {
      if (order.step == 2) end.send(0, make_failure("no more", 130));
    });
    return true;
  });
  EXPECT_EQ(run.final_model(), clean_model());
  EXPECT_LT(run.seconds, run.step_timeout_s);
}

TEST(RemoteFleet, PaysNoTimeoutForAWorkerThatFailsWhereTheOthersOfItsSliceDisagree) {
  const MemoryDirectory directory;
  Options options = kOptions;
  options["placement"] = "fixed";
  ToyRun run(directory / "run", options);
  run.over_network([](int rank, Transport& transport) {
    if (rank != 4 && rank != 5) return false;
    odd_worker(transport, [rank](Transport& end, const OrderView& order) {
      if (rank == 5) end.send(0, claim(order.step, order.slice, toy_bytes(1)));
      if (rank == 4 && order.step == 1) end.send(0, make_failure("no more", 130));
    });
    return true;
  });
  for (const auto& line : run.journal("metrics.jsonl")) EXPECT_EQ(line["unresolved"], 1);
  EXPECT_LT(run.seconds, run.step_timeout_s);
}

RemoteFleet::Parts with_one_worker(Transport& transport, ThreadPool& pool,
                                   const std::atomic<bool>& stop) {
  return {.transport = transport,
          .ranks = {1},
          .pool = pool,
          .weights = {8},
          .answer = {8},
          .slices = 1,
          .by_digest = true,
          .relays = true,
          .send_assignment = false,
          .stop = stop};
}

TEST(RemoteFleet, LetsNobodyMissItWhileItWorksOnSomethingElse) {
  constexpr double kPatienceSeconds = 1, kWorkSeconds = 10;  // such as a test set that is scored
  SimulatedWorld world;
  world.least_task = world.most_task = kWorkSeconds;
  SimulatedNetwork network(2, world);
  double longest_silence_s = 0, end_s = 0;
  network.run([&](int rank) {
    Transport& transport = network.endpoint(rank);
    while (rank == 1) {
      const double begin_s = network.seconds();
      const auto frame = transport.receive(std::chrono::seconds(30), 1U << 20U);
      longest_silence_s = std::max(longest_silence_s, network.seconds() - begin_s);
      if (!frame || parse_stop(parse_frame(frame->bytes))) return;
    }
    ThreadPool pool(1);
    const std::atomic<bool> stop{false};
    RemoteFleet::Parts parts = with_one_worker(transport, pool, stop);
    parts.make_tasks = network.tasks_of(0);
    RemoteFleet fleet(parts);
    fleet.start(WorkerSettings(), kPatienceSeconds);
    bool is_done = false;
    fleet.keep_waiting_while([&] { is_done = true; });
    EXPECT_TRUE(is_done);
    end_s = network.seconds();
    stop_workers(transport, 0);
  });
  EXPECT_GE(end_s, kWorkSeconds);
  EXPECT_LT(longest_silence_s, kPatienceSeconds);
}

TEST(RemoteFleet, RethrowsWhatTheOtherWorkThrowsOnAThreadOfItsOwn) {
  InprocNetwork network(2);
  ThreadPool pool(1);
  const std::atomic<bool> stop{false};
  RemoteFleet fleet(with_one_worker(network.endpoint(0), pool, stop));
  fleet.start(WorkerSettings(), 60);
  EXPECT_THROW(fleet.keep_waiting_while([] { throw InputError("no test set"); }), InputError);
}

}  // namespace
}  // namespace detox
