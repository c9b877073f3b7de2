// Answers that come when their slice or their step is over.
#include <gtest/gtest.h>

#include <chrono>
#include <deque>

#include "round/answer_format.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"
#include "support/transport_around.hpp"

namespace detox {
namespace {

/// All workers send the same zeros, also those that are left out.
class StubbornFleet final : public Fleet {
 public:
  StubbornFleet(Fleet& fleet, std::size_t answer_bytes) : fleet_(fleet), answer_(answer_bytes) {}
  FleetReport run_step(const StepOrder& order, std::chrono::duration<double> /*time_limit*/,
                       StepVotes& votes) override {
    for (std::uint32_t worker = 0; worker < order.assignment.workers(); ++worker)
      votes.count({order.step, worker, order.assignment.slices_of_worker[worker].front(), answer_});
    return {};
  }
  const Clock& clock() const override { return fleet_.clock(); }

 private:
  Fleet& fleet_;
  std::vector<std::byte> answer_;
};

TEST(LateAnswers, LeaveASliceClosedThatCouldNotGetAMajorityAnyMore) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", {{"placement", "fixed"},
                                 {"assume-fail", "0"},
                                 {"absent", "1:1-1,2:1-1"},
                                 {"max-steps", "1"}});
  run.wrap = [](Fleet& fleet) {
    const AnswerFormat format("none", 15, 1);
    return std::make_unique<StubbornFleet>(fleet, format.layout().size());
  };
  run.over_local_engine();
  const nlohmann::json step = run.journal("rounds.jsonl").at(0);
  const nlohmann::json& slices = step.at("slices");
  EXPECT_FALSE(step.at("skipped").get<bool>());
  EXPECT_TRUE(slices.at(0).at("counted").empty());
  EXPECT_EQ(slices.at(1).at("counted").size(), 3U);
  // Late is not missing, and there is nothing to disagree with.
  EXPECT_TRUE(run.journal("ledger.jsonl").empty());
}

/// A worker's end of the network, over which an answer leaves when the next order comes in.
class LateTransport final : public TransportAround {
 public:
  using TransportAround::TransportAround;
  void send(int to, FrameBytes frame) override {
    if (parse_frame(*frame).kind != FrameKind::kDigest) return inner_.send(to, std::move(frame));
    held_.push_back(std::move(frame));
  }
  std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout,
                                       std::size_t max_bytes) override {
    auto received = inner_.receive(timeout, max_bytes);
    if (received && parse_frame(received->bytes).kind == FrameKind::kOrder) {
      for (; !held_.empty(); held_.pop_front()) inner_.send(0, held_.front());
    }
    return received;
  }

 private:
  std::deque<FrameBytes> held_;
};

TEST(RemoteFleet, LogsALateAnswerThatAgreesAsAnObservation) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run",
             {{"workers", "9"}, {"batch-size", "4"}, {"max-steps", "6"}, {"assume-fail", "1"}});
  run.over_network([&](int rank, Transport& transport) {
    if (rank != 4) return false;
    LateTransport late(transport);
    serve_as_worker(late, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
    return true;
  });
  std::size_t agreed = 0;
  for (const auto& line : run.journal("ledger.jsonl")) {
    if (line["worker"] != 4) continue;
    EXPECT_EQ(line["kind"], "late-agree") << line;
    ++agreed;
  }
  EXPECT_EQ(agreed, 5U);  // of six steps: after the last no order comes
}

}  // namespace
}  // namespace detox
