// Workers behind a transport, one process each: worker w is rank w + 1.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "comm/frame.hpp"
#include "detox/transport.hpp"
#include "round/fleet.hpp"
#include "round/worker_settings.hpp"

namespace detox {

/// The server's end. Answers are full copies. Transport, stop flag and layout outlive it; used by
/// one thread.
class RemoteFleet final : public Fleet {
 public:
  RemoteFleet(Transport& transport, std::size_t answer_bytes, bool send_assignment,
              const std::atomic<bool>& stop);

  /// Sends everybody the settings and waits until all are ready. InputError naming the ranks that
  /// are silent after the time, that failed, or that differ from `expected` in profile, network or
  /// data. InterruptedError where `stop` comes first.
  void start(const WorkerSettings& settings, const WorkerFacts& expected,
             std::chrono::duration<double> time_limit);

  FleetReport run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                       const std::function<void(const IncomingAnswer&)>& on_answer) override;

  /// Ranks that have failed, or have missed the last step that they were ordered and said nothing
  /// since: the job's end need not wait for them.
  std::vector<int> silent_ranks() const;

  /// Frames that were no message of this run: counted, never an error.
  std::uint64_t rejected_frames() const { return rejected_frames_; }

  /// A line for people about these, and about those that were too long for any; empty where there
  /// were none.
  std::string rejected_text() const;

 private:
  struct Ordered {
    std::uint64_t step = 0;
    std::uint32_t slice = 0;
  };
  struct Peer {
    bool ready = false;
    bool failed = false;    ///< has said so after the start: is gone for the rest of the run
    bool awaited = true;    ///< false after a missed deadline, until it says something current
    bool answered = false;  ///< in this step
    std::array<Ordered, 3> orders;  ///< the newest first: what it may answer to
    std::vector<std::byte> answer;  ///< of this step
  };
  using OnAnswer = std::function<void(const IncomingAnswer&)>;

  void broadcast(const StepOrder& order);
  void give_sign_of_life();
  void await_somebody(const StepOrder& order);
  bool everybody_answered(const StepOrder& order) const;
  void take_frame(ReceivedFrame frame, const StepOrder& order, const OnAnswer& on_answer);
  void take_answer(std::uint32_t worker, const AnswerView& answer, std::vector<std::byte>& frame,
                   const StepOrder& order, const OnAnswer& on_answer);
  void end_on_failure(int from, const FrameView& frame) const;
  bool note_failure(int from, const FrameView& frame);

  Transport& transport_;
  std::size_t answer_bytes_;
  bool send_assignment_;
  const std::atomic<bool>& stop_;
  std::vector<Peer> peers_;
  std::chrono::steady_clock::time_point last_answer_{};  ///< or the step's order
  double patience_s_ = 0;                                ///< of the workers with a silent server
  std::chrono::steady_clock::time_point last_sign_{};
  std::uint64_t rejected_frames_ = 0;
};

/// Tells all workers that the run has ended and gives them some seconds to hear it.
void stop_workers(Transport& transport, int exit_code);

/// The server's part, which returns or throws, whatever it throws; either way the workers are then
/// told to stop.
int serve_and_stop_workers(Transport& transport, const std::function<int()>& serve);

}  // namespace detox
