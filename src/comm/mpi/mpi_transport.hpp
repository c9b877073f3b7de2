// The transport over MPI: point to point on MPI_COMM_WORLD, nothing collective, every wait with a
// timeout.
#pragma once

#include <memory>

#include "comm/mpi/mpi_session.hpp"
#include "comm/transport.hpp"

namespace detox {

/// This process's end. Used by the thread that made the session, and destroyed before the session,
/// to which it hands what is not its own.
///
/// Sending keeps the frame until MPI has taken it; frames for a rank that is dead or silent stay,
/// so send no more to one whose earlier frames have not left (flush() tells). A frame above
/// longest_frame (at most kMaxFrameBytes, what MPI can count) is refused by InputError.
///
/// Receiving: transfers of different senders go on at the same time, one of each sender, so a
/// sender that stops in the middle of a frame delays nobody else and costs one buffer of at most
/// max_bytes. What is unfinished at a timeout goes on in the next call. MPI's own progress needs
/// calls: while a process computes, its transfers stand still.
///
/// All messages on MPI_COMM_WORLD are taken up, whatever their tag. A stray message is one under
/// another tag; the word that ranks say when they end is kept for the session. Of a rank that is
/// shut out, what is up to 64 KiB long is received and forgotten, because MPI has most of it in
/// this process already; what is longer is left with the sender and costs MPI's note of it.
///
/// Waiting yields first and then sleeps 20 to 200 microseconds at a time: ranks may be many more
/// than cores. All functions throw InputError if MPI reports an error (a dead rank is none: it is
/// only silent).
class MpiTransport final : public Transport {
 public:
  static constexpr std::size_t kMaxFrameBytes = (std::size_t{1} << 31) - 1;

  explicit MpiTransport(MpiSession& session, std::size_t longest_frame = kMaxFrameBytes);
  ~MpiTransport() override;  ///< what is still in flight keeps its memory: MPI may still use it
  MpiTransport(const MpiTransport&) = delete;
  MpiTransport& operator=(const MpiTransport&) = delete;

  int rank() const override;
  int size() const override;
  void send(int to, FrameBytes frame) override;
  std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout,
                                       std::size_t max_bytes) override;
  bool flush(int to, std::chrono::milliseconds timeout) override;
  void shut_out(int rank) override;
  const PeerCounters& peer(int rank) const override;
  const TransportCounters& counters() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detox
