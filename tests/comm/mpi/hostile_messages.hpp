// What a hostile rank can send and the transport itself cannot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace detox {

/// Messages of one kind to one rank, as fast as MPI takes them. Used by the thread of the session.
class MessageFlood {
 public:
  static constexpr int kFrameTag = 1;  ///< the transport's
  static constexpr int kEndTag = 2;    ///< the session's
  static constexpr std::size_t kThreeGiB = std::size_t{3} << 30U;

  /// Of at most kThreeGiB each, zeros. `under_way`: so many are not waited for.
  MessageFlood(int to, int tag, std::size_t bytes, std::size_t under_way);
  ~MessageFlood();  ///< what is under way stays so: MPI may still use it
  MessageFlood(const MessageFlood&) = delete;
  MessageFlood& operator=(const MessageFlood&) = delete;

  /// Begins up to so many more, and never waits.
  void send(std::size_t count);
  std::uint64_t sent() const;  ///< that were begun

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detox
