// What tests put in the place of an honest worker of a ToyRun over the network.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "exchange/answer_digests.hpp"
#include "support/toy_run.hpp"
#include "support/transport_around.hpp"

namespace detox {

inline const Chunks kToyAnswer{AnswerFormat("none", 15, 1).layout().size(), ToyRun::kToyChunkBytes};
inline const Chunks kToyWeights{16 * sizeof(float), ToyRun::kToyChunkBytes};

inline std::vector<std::byte> toy_bytes(int value) {
  return std::vector<std::byte>(kToyAnswer.bytes, static_cast<std::byte>(value));
}

/// The digests of an answer of these bytes.
inline FrameBytes claim(std::uint64_t step, std::uint32_t slice,
                        const std::vector<std::byte>& answer) {
  return make_digest(
      step, slice,
      digests_of_answer(
          {.step = step, .slice = slice, .weights = Digest{}, .codec = "none", .d = 15}, kToyAnswer,
          answer));
}

/// All of an answer, as it is sent where nobody asks.
inline void send_copy(Transport& transport, std::uint64_t step, std::uint32_t slice,
                      const std::vector<std::byte>& answer) {
  for (std::size_t chunk = 0; chunk < kToyAnswer.count(); ++chunk) {
    transport.send(
        0, make_chunk({.step = step,
                       .slice = slice,
                       .chunk = chunk,
                       .packed = false,
                       .bytes = kToyAnswer.part(std::span<const std::byte>(answer), chunk)}));
  }
}

/// The server's welcome, whatever else comes before it.
inline WorkerWelcome await_welcome(Transport& transport) {
  while (true) {
    const auto received = transport.receive(std::chrono::seconds(30), 1U << 20U);
    if (!received) return {};
    const auto text = parse_welcome(parse_frame(received->bytes));
    if (const auto welcome = text ? welcome_from_json(*text) : std::nullopt) return *welcome;
  }
}

inline void send_ready(Transport& transport) {
  transport.send(0, ToyRun::ready(await_welcome(transport)));
}

/// Says it is ready, then hands every order to `answer` and every request to `deliver`, until the
/// server stops it. It takes no weights and passes none on.
inline void odd_worker(Transport& transport,
                       const std::function<void(Transport&, const OrderView&)>& answer,
                       const std::function<void(Transport&, const RequestView&)>& deliver = {}) {
  send_ready(transport);
  while (true) {
    const auto received = transport.receive(std::chrono::seconds(30), 1U << 20U);
    ASSERT_TRUE(received.has_value());
    const FrameView frame = parse_frame(received->bytes);
    if (parse_stop(frame)) return;
    const OrderLimits limits{.slices = 3, .workers = 9, .seats = 9, .ranks = 9};
    const auto order = parse_order(frame, limits, kToyWeights);
    if (order && order->slice != kNoSlice) answer(transport, *order);
    const auto request = parse_request(frame, kToyAnswer);
    if (request && deliver) deliver(transport, *request);
  }
}

/// A worker's end of the network over which frames are changed, doubled, kept or lost.
class AlteredTransport final : public TransportAround {
 public:
  /// What to do with a frame that leaves; it may send others over the inner end.
  using Send = std::function<void(Transport& inner, int to, FrameBytes frame)>;
  AlteredTransport(Transport& inner, Send send) : TransportAround(inner), send_(std::move(send)) {}
  void send(int to, FrameBytes frame) override { send_(inner_, to, std::move(frame)); }

 private:
  Send send_;
};

/// An honest worker of this rank that ends before its fourth answer.
inline ToyRun::StandIn ends_in_the_middle(int which) {
  return [which](int rank, Transport& transport) {
    if (rank != which) return false;
    int answers = 0;
    AlteredTransport end(transport, [&](Transport& inner, int to, FrameBytes frame) {
      const FrameView view = parse_frame(*frame);
      if (view.kind == FrameKind::kDigest && ++answers > 3) frame = make_failure("no memory", 1);
      if (answers < 6) inner.send(to, std::move(frame));
    });
    serve_as_worker(end, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
    return true;
  };
}

/// Workers of these ranks that promise what an honest one does, and deliver nothing.
inline ToyRun::StandIn promise_and_do_not_deliver(std::vector<int> which) {
  return [which = std::move(which)](int rank, Transport& transport) {
    if (std::ranges::find(which, rank) == which.end()) return false;
    AlteredTransport end(transport, [](Transport& inner, int to, FrameBytes frame) {
      if (parse_frame(*frame).kind != FrameKind::kChunk) inner.send(to, std::move(frame));
    });
    serve_as_worker(end, 30, [](const WorkerWelcome&) { return ToyRun::toy_kit(); });
    return true;
  };
}

}  // namespace detox
