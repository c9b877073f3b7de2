// Workers behind a transport, one process each: worker w is rank ranks[w].
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "comm/frame.hpp"
#include "comm/transport.hpp"
#include "detox/thread_pool.hpp"
#include "engine/attentive_clock.hpp"
#include "engine/open_slices.hpp"
#include "engine/order_patience.hpp"
#include "engine/presence.hpp"
#include "engine/server_replica.hpp"
#include "engine/worker_settings.hpp"
#include "exchange/answer_fetch.hpp"
#include "exchange/frame_budget.hpp"
#include "exchange/full_copies.hpp"
#include "exchange/relay_complaints.hpp"
#include "exchange/signs_of_life.hpp"
#include "exchange/weights_broadcast.hpp"
#include "round/fleet.hpp"

namespace detox {

/// The server's end. Used by one thread; what its parts refer to outlives it.
class RemoteFleet final : public Fleet {
 public:
  struct Parts {
    Transport& transport;
    std::vector<int> ranks;  ///< of each worker who was admitted (engine/admission.hpp); who is
                             ///< missing has one that the transport lacks
    ThreadPool& pool;
    Chunks weights, answer;
    std::size_t slices;
    bool by_digest;        ///< digests first, then one copy of what wins; else all send all
    bool relays;           ///< weights over a tree of workers; else to each directly
    bool send_assignment;  ///< simulated attackers need it
    const std::atomic<bool>& stop;
    std::string_view compression = "none";  ///< what chunks of answers may be packed with
    /// A worker gets at least so long for a chunk before another one is asked for it as well.
    double least_chunk_patience_s = ChunkPace::kLeastPatienceSeconds;
    std::size_t q = 0, f_eff = 0;  ///< workers that may be liars, and slices that they can own
    BackgroundTasksMaker make_tasks = background_threads;  ///< checks chunks
    std::size_t lists = 1;     ///< the most slices that a worker may be asked for in a step
    bool asks_others = false;  ///< where somebody takes longer than others
    /// Who is not waited for is ordered nothing either: a late answer is what brings it back.
    bool gives_away = false;
    ServerReplica* replica = nullptr;  ///< computes what the votes ask the server for
  };
  explicit RemoteFleet(const Parts& parts);

  /// Sends everybody the settings, those who were left out too. server_timeout_s: the workers'
  /// patience with a silent server, as they were told.
  void start(const WorkerSettings& settings, double server_timeout_s);

  FleetReport run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                       StepVotes& votes) override;

  /// Runs `work` on a thread of its own, and rethrows what it throws. Meanwhile gives the workers
  /// signs of life, and throws away what they send.
  void keep_waiting_while(const std::function<void()>& work);

  std::vector<bool> away(std::uint64_t step) const override;
  std::string who_was_missing() const override { return presence_.summary(); }
  const Clock& clock() const override { return parts_.transport.clock(); }

  /// Ranks that take no part, have failed, or have missed a deadline or several steps and said
  /// nothing since: the job's end need not wait for them.
  std::vector<int> silent_ranks() const;

  /// Frames that were no message of this run: counted, never an error. Honest answers that are late
  /// by more steps than are remembered are not among them.
  std::uint64_t rejected_frames() const { return rejected_frames_; }

  /// A line for people about these, and about those that were too long for any; empty where there
  /// were none.
  std::string rejected_text() const;

 private:
  static constexpr std::chrono::milliseconds kPoll{100};  ///< the longest wait for a frame
  static constexpr std::uint64_t kMostWarnings = 10;

  struct Ordered {
    std::uint64_t round = 0;
    std::vector<std::uint32_t> slices = {};
    std::vector<std::optional<Clock::time_point>> since = {};  ///< of each, until it is heard of
    std::uint32_t relay = kNobody;  ///< the worker that passes weights on to it
    Clock::time_point until{};      ///< an answer is in time
  };
  struct Peer {
    bool gone = false;              ///< it has said that it ends
    bool awaited = true;            ///< false after a missed deadline, or where it was passed over
                                    ///< too often, until an answer comes in time
    bool heard = true;              ///< it has answered all that it was asked, the latest time
    bool shut_out = false;          ///< what it sent was more than any honest worker sends
    std::size_t silent_steps = 0;   ///< in a row, of those that it was ordered
    std::size_t untaken_steps = 0;  ///< in a row, in which it has not taken in what was sent before
    std::size_t served = 0;         ///< chunks of weights that it has asked for in this step
    std::array<Ordered, 3> orders;  ///< the newest first: what it may answer to
    FrameBudget budget;
    std::size_t owed = 0;              ///< frames of answers that it was asked for and has not sent
    std::vector<FrameBuffer> digests;  ///< of this step: the frames that they came in
  };

  void await_somebody(const StepOrder& order);
  void give_orders(const StepOrder& order, double limit_s, StepVotes& votes);
  std::vector<bool> find_reachable(const StepOrder& order);
  void give_more_orders(const StepOrder& order, StepVotes& votes);
  void compute_here(std::uint32_t slice, const StepOrder& order, StepVotes& votes);
  void give_order(std::uint32_t worker, std::uint32_t slice, OrderView told,
                  const StepOrder& order);
  void pass_over(const SliceOrder& order, StepVotes& votes);
  void look_after(std::uint32_t slice, StepVotes& votes);
  void pass_over_late(const StepOrder& order, StepVotes& votes);
  void pass_over_all(std::uint32_t worker, const StepOrder& order, StepVotes& votes);
  std::vector<std::uint32_t> relaying_workers(const StepOrder& order) const;
  void open_slices(const StepOrder& order);
  std::size_t waiting() const;
  bool waits(const StepVotes& votes) const;
  bool is_awaited(const StepOrder& order, std::uint32_t worker) const;
  void take_frames(const StepOrder& order, StepVotes& votes);
  void take_what_is_here(const StepOrder& order, StepVotes& votes);
  void fetch_answers(const StepOrder& order);
  void end_step(const StepOrder& order, bool in_time, StepVotes& votes);
  double elapsed_s() const;
  void take_frame(ReceivedFrame frame, const StepOrder& order, StepVotes& votes);
  void take_digest(std::uint32_t worker, const DigestView& digest, ReceivedFrame& frame,
                   const StepOrder& order, StepVotes& votes);
  void take_chunk(std::uint32_t worker, const ChunkView& chunk, ReceivedFrame frame,
                  const StepOrder& order, StepVotes& votes);
  void count(const IncomingAnswer& answer, const StepOrder& order, StepVotes& votes);
  void take_complaint(std::uint32_t worker, const AskWeightsView& ask);
  bool is_own(std::uint32_t worker, std::uint32_t slice, const StepOrder& order) const;
  /// Whether this is something that the worker was told to answer; else it is rejected.
  bool may_answer(std::uint32_t worker, std::uint64_t round, std::uint32_t slice,
                  const StepOrder& order);
  /// Lines about who has fallen silent or come back, at most a few times a second.
  void tell_news();
  /// A line where a step takes far longer than the others because of somebody.
  void tell_waiting(const StepOrder& order, const StepVotes& votes, double waited_s,
                    double limit_s);
  void hear(const IncomingAnswer& answer, const StepOrder& order);
  void lose(std::uint32_t worker, const Failure& failure, const StepOrder& order, StepVotes& votes);
  void reject(const ReceivedFrame& frame, const FrameView& view);
  /// Frames of an answer that it was just asked for.
  void expect(std::uint32_t worker, std::size_t frames);
  void note_latency(const IncomingAnswer& answer, Ordered& ordered, const StepOrder& order);
  bool take_owed(std::uint32_t worker);  ///< a frame of those; false where there are none
  void watch_volume(const StepOrder& order, StepVotes& votes);

  Parts parts_;
  std::vector<int> ranks_here_;  ///< of parts_.ranks, those that the transport has
  std::vector<int> left_out_;    ///< all other ranks but the server's: they wait for the end
  std::vector<Peer> peers_;
  WeightsBroadcast weights_;
  OpenSlices open_;
  OrderPatience patience_;
  AnswerFetch fetch_;
  FullCopies copies_;
  RelayComplaints complaints_;
  AttentiveClock attentive_;
  /// By that clock: the step's order, the latest look at what has come, and the latest news.
  Clock::time_point begin_{}, now_{}, last_news_{};
  bool any_news_ = false;  ///< in this step
  SignsOfLife to_workers_, to_left_out_;
  Presence presence_;
  Clock::time_point last_look_{};  ///< for news
  double longest_step_s_ = 0;      ///< of those in which nobody was waited for
  std::uint64_t told_waiting_round_ = 0;
  std::size_t times_told_waiting_ = 0;
  std::uint64_t rejected_frames_ = 0;
  Clock::time_point last_watch_;
  StepLatency latency_;  ///< of this step
  std::vector<LateLatency> late_;
};

/// Tells all workers that the run has ended and gives them some seconds to hear it.
void stop_workers(Transport& transport, int exit_code);

/// Runs the server's part, and tells the workers to stop whether it returns or throws.
int serve_and_stop_workers(Transport& transport, const std::function<int()>& serve);

}  // namespace detox
