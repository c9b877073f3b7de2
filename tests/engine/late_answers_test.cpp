// Answers that come when their slice or their step is over.
#include <gtest/gtest.h>

#include <chrono>
#include <deque>

#include "config/options.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"
#include "support/transport_around.hpp"

namespace detox {
namespace {

/// All workers send the same zeros, also those that are left out.
class StubbornFleet final : public Fleet {
 public:
  explicit StubbornFleet(std::size_t answer_bytes) : answer_(answer_bytes) {}
  FleetReport run_step(const StepOrder& order, std::chrono::duration<double> /*time_limit*/,
                       StepVotes& votes) override {
    for (std::uint32_t worker = 0; worker < order.assignment.workers(); ++worker)
      votes.count({order.step, worker, order.assignment.slice_of_worker[worker], answer_});
    return {};
  }

 private:
  std::vector<std::byte> answer_;
};

TEST(ServerRound, LeavesASliceClosedThatCouldNotGetAMajorityAnyMore) {
  RunConfig config;
  for (const auto& [name, text] : std::map<std::string, std::string>{
           {"placement", "fixed"}, {"assume-fail", "0"}, {"absent", "1:1-1,2:1-1"}})
    set_option(find_option(name), text, config);
  config = resolve(config, 0);
  const Plan plan = make_plan(config);
  const AnswerFormat format("none", 15, 1);
  const ModelLayout layout = ToyLearner().layout();
  StubbornFleet fleet(format.layout().size());
  ThreadPool pool(1);
  ServerRound round({plan,
                     format,
                     layout,
                     {key_from_seed(1), key_from_seed(2)},
                     sgd_options(config),
                     lr_schedule(config, 10),
                     samples_per_step(config, plan),
                     fleet,
                     pool});
  ModelState model{std::vector<float>(15), std::vector<float>(1), std::vector<std::int64_t>(1)};
  std::vector<float> velocity(15), last_aggregate;
  const StepReport report =
      round.run(1, std::chrono::seconds(1), {model, velocity, last_aggregate});
  EXPECT_EQ(report.unresolved, std::vector<std::uint32_t>{0});
  EXPECT_TRUE(report.counted[0].empty());
  EXPECT_EQ(report.counted[1].size(), 3U);
  EXPECT_EQ(report.skipped_because, "");
  EXPECT_TRUE(report.ledger.empty());  // late is not missing, and there is nothing to disagree with
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
