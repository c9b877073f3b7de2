// For ends of a network that do one thing otherwise than the end around which they stand.
#pragma once

#include "comm/transport.hpp"

namespace detox {

/// Passes everything on; what is to be otherwise is overridden. The inner end outlives it.
class TransportAround : public Transport {
 public:
  explicit TransportAround(Transport& inner) : inner_(inner) {}
  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  void send(int to, FrameBytes frame) override { inner_.send(to, std::move(frame)); }
  std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout,
                                       std::size_t max_bytes) override {
    return inner_.receive(timeout, max_bytes);
  }
  bool flush(int to, std::chrono::milliseconds timeout) override {
    return inner_.flush(to, timeout);
  }
  const TransportCounters& counters() const override { return inner_.counters(); }
  void shut_out(int rank) override { inner_.shut_out(rank); }
  const PeerCounters& peer(int rank) const override { return inner_.peer(rank); }
  const Clock& clock() const override { return inner_.clock(); }

 protected:
  Transport& inner_;
};

/// The frame with its last byte changed, in so many ways.
inline FrameBytes spoilt(const FrameBytes& frame, std::byte way = std::byte{1}) {
  auto bytes = std::make_shared<FrameBuffer>(*frame);
  bytes->back() ^= way;
  return bytes;
}

}  // namespace detox
