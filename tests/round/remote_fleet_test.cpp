// Workers that misbehave over the transport cost their own contribution, never the run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

using Options = std::map<std::string, std::string>;
using testing::HasSubstr;

const Options kOptions = {
    {"workers", "9"}, {"batch-size", "4"}, {"max-steps", "6"}, {"assume-fail", "1"}};

/// Says it is ready, then hands every order to `answer`, until the server stops it.
void odd_worker(Transport& transport,
                const std::function<void(Transport&, const OrderView&)>& answer) {
  transport.send(
      0,
      make_ready(to_json(WorkerFacts{"toy profile", layout_digest(ToyLearner().layout()), "toy"})));
  while (true) {
    const auto received = transport.receive(std::chrono::seconds(30), 1U << 20U);
    ASSERT_TRUE(received.has_value());
    const FrameView frame = parse_frame(received->bytes);
    if (parse_stop(frame)) return;
    if (const auto order = parse_order(frame, 3, 9)) answer(transport, *order);
  }
}

std::string clean_model() {
  const TemporaryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.over_local_engine();
  return run.final_model();
}

struct Outcome {
  std::string model;
  std::multiset<std::string> kinds;  ///< of ledger entries on rank 4
  std::uint64_t rejected = 0;
  bool only_rank_4 = true;
};

Outcome with_odd_rank_4(const std::function<void(Transport&, const OrderView&)>& answer) {
  const TemporaryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.step_timeout_s = 0.3;
  run.over_network([&](int rank, Transport& transport) {
    if (rank != 4) return false;
    odd_worker(transport, answer);
    return true;
  });
  Outcome outcome{run.final_model(), {}, run.rejected_frames, true};
  for (const auto& line : run.journal("ledger.jsonl")) {
    outcome.only_rank_4 = outcome.only_rank_4 && line["worker"] == 4;
    outcome.kinds.insert(line["kind"].get<std::string>());
  }
  return outcome;
}

const std::size_t kAnswerBytes = AnswerFormat("none", 15, 1).layout().size();

TEST(RemoteFleet, OutvotesGarbageOfTheRightLength) {
  const Outcome outcome = with_odd_rank_4([](Transport& transport, const OrderView& order) {
    const std::vector<std::byte> garbage(kAnswerBytes, std::byte{0xff});
    transport.send(0, make_answer(order.step, order.slice, garbage));
  });
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_EQ(outcome.kinds.count("outvoted"), 6U);
  EXPECT_TRUE(outcome.only_rank_4);
}

TEST(RemoteFleet, DoesNotWaitForASilentWorkerASecondTime) {
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome = with_odd_rank_4([](Transport&, const OrderView&) {});
  EXPECT_LT(std::chrono::steady_clock::now() - begin,
            std::chrono::milliseconds(1500));  // 6 x 0.3 s would be 1.8 s
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_EQ(outcome.kinds.count("missing"), 6U);
  EXPECT_TRUE(outcome.only_rank_4);
}

/// An end whose first answer leaves late.
class LateOnce final : public Transport {
 public:
  explicit LateOnce(Transport& end) : end_(end) {}
  int rank() const override { return end_.rank(); }
  int size() const override { return end_.size(); }
  void send(int to, FrameBytes frame) override {
    if (!was_late_ && parse_answer(parse_frame(*frame), kAnswerBytes)) {
      was_late_ = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(700));
    }
    end_.send(to, std::move(frame));
  }
  std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout,
                                       std::size_t max_bytes) override {
    return end_.receive(timeout, max_bytes);
  }
  bool flush(int to, std::chrono::milliseconds timeout) override { return end_.flush(to, timeout); }
  const TransportCounters& counters() const override { return end_.counters(); }

 private:
  Transport& end_;
  bool was_late_ = false;
};

TEST(RemoteFleet, WaitsForEverybodyAgainAfterAStepThatAllHaveMissed) {
  const TemporaryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.step_timeout_s = 0.4;
  run.over_network([](int, Transport& transport) {
    LateOnce end(transport);
    serve_as_worker(end, 30, [](const WorkerSettings&) { return ToyRun::toy_kit(); });
    return true;
  });
  const auto lines = run.journal("metrics.jsonl");
  EXPECT_EQ(lines.front()["resolved"], 0);
  EXPECT_EQ(lines.back()["resolved"], 3);
}

TEST(RemoteFleet, DoesNotGrowItsDeadlinesWhereWorkersTakeTurnsAtBeingSilent) {
  const TemporaryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.step_timeout_s = 0.3;
  run.first_step_timeout_s = 3;
  run.over_network([&](int rank, Transport& transport) {
    if (rank != 4 && rank != 7) return false;
    odd_worker(transport, [rank](Transport& end, const OrderView& order) {
      if ((order.step % 2 == 0) == (rank == 4)) return;
      end.send(0, make_answer(order.step, order.slice, std::vector<std::byte>(kAnswerBytes)));
    });
    return true;
  });
  const auto lines = run.journal("metrics.jsonl");
  const auto total = [](const nlohmann::json& line) {
    return line["seconds"]["total"].get<double>();
  };
  EXPECT_GE(total(lines.front()), 3);
  EXPECT_LT(total(lines.back()), 2.5);
}

TEST(RemoteFleet, KeepsWorkersThatWaitLongerForASilentOneThanTheyArePatient) {
  const TemporaryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.step_timeout_s = 2.5;
  run.server_timeout_s = 1;
  run.over_network([&](int rank, Transport& transport) {
    if (rank == 4) odd_worker(transport, [](Transport&, const OrderView&) {});
    return rank == 4;
  });
  EXPECT_EQ(run.final_model(), clean_model());
}

TEST(RemoteFleet, CountsBytesThatAreNoMessageAndGoesOn) {
  const Outcome outcome = with_odd_rank_4([](Transport& transport, const OrderView& order) {
    transport.send(0, std::make_shared<const std::vector<std::byte>>(100, std::byte{7}));
    transport.send(0, make_answer(order.step, order.slice,
                                  std::vector<std::byte>(kAnswerBytes - 1)));  // too short
    transport.send(0, make_answer(order.step + 3, order.slice,
                                  std::vector<std::byte>(kAnswerBytes)));  // another step
    transport.send(
        0, make_answer(order.step, (order.slice + 1) % 3, std::vector<std::byte>(kAnswerBytes)));
  });
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_GE(outcome.rejected, 4U);
  EXPECT_TRUE(outcome.only_rank_4);
}

TEST(RemoteFleet, TellsOfFramesThatWereTooLong) {
  const TemporaryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.step_timeout_s = 1;
  run.over_network([&](int rank, Transport& transport) {
    if (rank != 4) return false;
    odd_worker(transport, [](Transport& end, const OrderView& order) {
      const std::vector<std::byte> bytes(std::size_t{2} << 20);
      if (order.step == 1) end.send(0, make_answer(order.step, order.slice, bytes));
    });
    return true;
  });
  EXPECT_EQ(run.rejected_text,
            "0 frames from workers were no message of this run, 1 were too long and thrown away");
  EXPECT_EQ(run.final_model(), clean_model());
}

TEST(RemoteFleet, LogsTwoDifferentAnswersForOneSliceAsEquivocation) {
  const Outcome outcome = with_odd_rank_4([](Transport& transport, const OrderView& order) {
    transport.send(0, make_answer(order.step, order.slice,
                                  std::vector<std::byte>(kAnswerBytes, std::byte{1})));
    transport.send(0, make_answer(order.step, order.slice,
                                  std::vector<std::byte>(kAnswerBytes, std::byte{2})));
  });
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_GE(outcome.kinds.count("equivocated"), 1U);
  EXPECT_TRUE(outcome.only_rank_4);
}

TEST(RemoteFleet, LogsAFloodOnceAStep) {
  const Outcome outcome = with_odd_rank_4([](Transport& transport, const OrderView& order) {
    for (int i = 0; i < 300; ++i) {
      const std::vector<std::byte> garbage(kAnswerBytes, static_cast<std::byte>(i % 250));
      transport.send(0, make_answer(order.step, order.slice, garbage));
      transport.send(0, make_answer(order.step, (order.slice + 1) % 3, garbage));
    }
  });
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_GE(outcome.kinds.count("equivocated"), 1U);
  EXPECT_GE(outcome.kinds.count("malformed"), 1U);
  EXPECT_LE(outcome.kinds.size(), 6U * 5U);
  EXPECT_TRUE(outcome.only_rank_4);
}

TEST(RemoteFleet, ComparesALateAnswerWithTheMajorityOfItsStep) {
  std::optional<OrderView> held;
  const Outcome outcome = with_odd_rank_4([&](Transport& transport, const OrderView& order) {
    if (held) {
      transport.send(0, make_answer(held->step, held->slice,
                                    std::vector<std::byte>(kAnswerBytes, std::byte{9})));
    }
    held = OrderView{order.step, order.slice, {}};
  });
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_GE(outcome.kinds.count("late-outvoted"), 1U);
  EXPECT_TRUE(outcome.only_rank_4);
}

TEST(RemoteFleet, EndsTheRunWithTheMessageOfAWorkerThatFails) {
  const TemporaryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  try {
    run.over_network([](int rank, Transport& transport) {
      if (rank != 3) return false;
      const WorkerKitMaker failing = [](const WorkerSettings&) -> WorkerKit {
        throw InputError("no data here");
      };
      EXPECT_EQ(serve_as_worker(transport, 30, failing), 1);
      return true;
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "rank 3: no data here");
    EXPECT_EQ(error.exit_code(), 1);
  }
}

TEST(RemoteFleet, GoesOnWithoutAWorkerThatHasFailed) {
  const auto begin = std::chrono::steady_clock::now();
  testing::internal::CaptureStderr();
  const Outcome outcome = with_odd_rank_4([](Transport& end, const OrderView& order) {
    if (order.step < 3) return end.send(0, make_failure("no more", 130));
    ADD_FAILURE() << "ordered again";
  });
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(290))
      << "waited for it";
  EXPECT_EQ(outcome.model, clean_model());
  EXPECT_EQ(outcome.kinds.count("missing"), 6U);
  EXPECT_TRUE(outcome.only_rank_4);
  EXPECT_THAT(told, HasSubstr("rank 4 has failed, the run goes on without it: no more"));
}

TEST(RemoteFleet, RefusesToStartWithAWorkerOfAnotherNumericalProfile) {
  const TemporaryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  try {
    run.over_network([](int rank, Transport& transport) {
      if (rank != 2) return false;
      serve_as_worker(transport, 30, [](const WorkerSettings&) {
        WorkerKit kit = ToyRun::toy_kit();
        kit.profile = "another profile";
        return kit;
      });
      return true;
    });
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "rank 2 has the numerical profile 'another profile', the server 'toy profile'");
  }
}

/// Takes nothing in but the end.
void deaf_worker(Transport& transport) {
  while (true) {
    const auto received = transport.receive(std::chrono::seconds(30), 1U << 20U);
    if (!received || parse_stop(parse_frame(received->bytes))) return;
  }
}

TEST(RemoteFleet, IsInterruptedAndNotFailedWhereItIsStoppedBeforeTheWorkersAreReady) {
  const TemporaryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.stop = true;
  try {
    run.over_network([](int rank, Transport& transport) {
      if (rank == 5) deaf_worker(transport);
      return rank == 5;
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 130);
  }
}

TEST(RemoteFleet, NamesTheRanksThatNeverBecameReady) {
  const TemporaryDirectory directory;
  ToyRun run(directory / "run", kOptions);
  run.start_timeout_s = 0.5;
  try {
    run.over_network([](int rank, Transport& transport) {
      if (rank != 5 && rank != 8) return false;
      deaf_worker(transport);
      return true;
    });
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no sign of life from rank 5, 8 within"));
  }
}

}  // namespace
}  // namespace detox
