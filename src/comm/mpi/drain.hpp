// Where frames that nobody wants are received: address space for the longest message, memory for a
// few megabytes.
#pragma once

#include <cstddef>

namespace detox {

/// MPI releases the sender of a message only when it is received, and receiving it truncated, which
/// MPI allows, crashed Open MPI 4.1 over TCP. So the message is received in full, into a range of
/// addresses whose windows are all the same pages: what it writes it writes over itself. Any number
/// of transfers may share one drain.
class Drain {
 public:
  static constexpr std::size_t kBytes = std::size_t{1} << 31;
  static constexpr std::size_t kWindowBytes = std::size_t{8} << 20;

  Drain();  ///< InputError where the system has no room for it
  ~Drain();
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  std::byte* data() { return data_; }  ///< kBytes, to write to alone

 private:
  std::byte* data_ = nullptr;
};

}  // namespace detox
