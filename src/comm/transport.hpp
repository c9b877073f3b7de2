// How the server and the workers exchange frames: point to point, every wait with a timeout,
// nothing collective.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/clock.hpp"
#include "comm/frame_buffer.hpp"

namespace detox {

/// A frame as sent: shared, so that one copy of the weights serves all workers, and immutable.
using FrameBytes = std::shared_ptr<const FrameBuffer>;

struct ReceivedFrame {
  int from = 0;
  FrameBuffer bytes;  ///< whatever the peer sent: unchecked
};

struct TransportCounters {
  std::uint64_t bytes_sent = 0, bytes_received = 0, frames_sent = 0, frames_received = 0;
};

/// What one rank has sent, also what was thrown away.
struct PeerCounters {
  std::uint64_t offered = 0;    ///< frames within the limit, taken in or waiting for it
  std::uint64_t oversized = 0;  ///< frames above the limit
  std::uint64_t stray = 0;      ///< messages that the transport's protocol does not have
  bool shut_out = false;
};

/// One process's end. Rank 0 is the server. Used by one thread.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;  ///< P + 1
  /// Starts sending and returns at once; the transport keeps the frame until it has left.
  virtual void send(int to, FrameBytes frame) = 0;
  /// The next frame from anybody, or nothing after the timeout. Whoever sends a frame above
  /// max_bytes or a stray message is shut out, unless it is the server.
  virtual std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout,
                                               std::size_t max_bytes) = 0;
  /// Nothing of this rank is handed out any more, for good. What it still sends is counted and
  /// thrown away.
  virtual void shut_out(int rank) = 0;
  virtual const PeerCounters& peer(int rank) const = 0;
  /// Waits until everything sent to `to` (-1: to anybody) has left; false if the timeout came
  /// first.
  virtual bool flush(int to, std::chrono::milliseconds timeout) = 0;
  /// Whether it has, now.
  bool is_idle(int to) { return flush(to, std::chrono::milliseconds(0)); }
  virtual const TransportCounters& counters() const = 0;
  /// By which its timeouts pass. Whoever waits for frames asks it for the time.
  virtual const Clock& clock() const { return Clock::real(); }
};

}  // namespace detox
