// A worker's transport that misbehaves: around the end of an honest worker, or of one that attacks
// as well. A fault is a row of the table at the end and a function: which kind of frame it spoils,
// and what becomes of it.
#pragma once

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "comm/frame.hpp"
#include "detox/errors.hpp"
#include "support/transport_around.hpp"

namespace detox {

/// KIND:FROM-TO, the steps counted from 1, both ends in.
struct Fault {
  std::string kind;
  std::uint64_t from = 0, to = 0;
};

class FaultyTransport final : public TransportAround {
 public:
  /// UsageError where a fault's kind is unknown. `pause` is how long `slow`, `stop` and
  /// `trickle-relay` last, and the first chunk of `trickle`.
  FaultyTransport(Transport& end, std::vector<Fault> faults, std::chrono::milliseconds pause)
      : TransportAround(end), faults_(std::move(faults)), pause_(pause) {
    for (const Fault& fault : faults_) way_of(fault.kind);
  }

  void send(int to, FrameBytes frame) override {
    const FrameView view = parse_frame(*frame);
    for (const Fault& fault : faults_) {
      const Way& way = way_of(fault.kind);
      if (view.kind != way.spoils || view.step < fault.from || view.step > fault.to) continue;
      return (this->*way.send)(to, frame, view);
    }
    inner_.send(to, std::move(frame));
  }

  static constexpr std::size_t kFloodFrames = 10'000;

 private:
  using Send = void (FaultyTransport::*)(int to, const FrameBytes& frame, const FrameView& view);
  struct Way {
    std::string_view kind;
    FrameKind spoils;
    Send send;
  };

  static FrameBytes bytes(FrameBuffer content) {
    return std::make_shared<const FrameBuffer>(std::move(content));
  }

  /// No frame at all, as long as one.
  void garbage(int to, const FrameBytes& frame, const FrameView& view) {
    FrameBuffer noise(frame->size(), std::byte{0});
    std::uint64_t state = view.step * 2 + 1;
    for (std::byte& byte : noise) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      byte = static_cast<std::byte>(state >> 56U);
    }
    inner_.send(to, bytes(std::move(noise)));
  }

  /// In turns a frame that is cut, one that goes on after its end, and a whole one of a wrong size.
  void wrong_length(int to, const FrameBytes& frame, const FrameView& view) {
    FrameBuffer content = *frame;
    if (view.step % 3 == 0) content.resize(content.size() / 2);
    if (view.step % 3 == 1) content.resize(content.size() + 4, std::byte{0});
    if (view.step % 3 != 2) return inner_.send(to, bytes(std::move(content)));
    inner_.send(to,
                make_digest(view.step, view.slice, view.payload.first(view.payload.size() - 4)));
  }

  /// In turns a step that is yet to come and one that never was.
  void wrong_step(int to, const FrameBytes& /*frame*/, const FrameView& view) {
    const std::uint64_t step = view.step % 2 == 0 ? view.step + 1 : 0;
    inner_.send(to, make_digest(step, view.slice, view.payload));
  }

  /// Another digest after the first.
  void equivocation(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    inner_.send(to, frame);
    inner_.send(to, spoilt(frame));
  }

  void spoil(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    inner_.send(to, spoilt(frame));
  }

  void lose(int /*to*/, const FrameBytes& /*frame*/, const FrameView& /*view*/) {}

  void duplicate(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    inner_.send(to, frame);
    inner_.send(to, frame);
  }

  void flood(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    for (std::size_t i = 0; i < kFloodFrames; ++i) inner_.send(to, frame);
  }

  /// Gives the message some chances to move and dies in the middle of it.
  void half_message(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    inner_.send(to, frame);
    for (int i = 0; i < 6; ++i) {
      if (inner_.flush(to, std::chrono::milliseconds(0))) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    raise(SIGKILL);
  }

  void slow(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    std::this_thread::sleep_for(pause_);
    inner_.send(to, frame);
  }

  /// A little later each time, to see how much is borne.
  void trickle(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    constexpr double kLater = 1.02;
    std::this_thread::sleep_for(trickle_);
    trickle_ *= kLater;
    inner_.send(to, frame);
  }

  /// The answer, and a lie about whoever passes the weights on to it.
  void slander(int to, const FrameBytes& frame, const FrameView& view) {
    const std::vector<std::uint32_t> wanted{0};
    inner_.send(to, make_ask_weights({view.step, AskReason::kWrongBytes, wanted}));
    inner_.send(to, frame);
  }

  void dying(int /*to*/, const FrameBytes& /*frame*/, const FrameView& /*view*/) { raise(SIGKILL); }

  void stop(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    const pid_t self = getpid();
    if (fork() == 0) {
      usleep(static_cast<useconds_t>(std::chrono::microseconds(pause_).count()));
      kill(self, SIGCONT);
      _exit(0);
    }
    raise(SIGSTOP);
    inner_.send(to, frame);
  }

  static const Way& way_of(std::string_view kind) {
    static constexpr std::array kWays = {
        Way{"bad-relay", FrameKind::kWeights, &FaultyTransport::spoil},
        Way{"duplicate", FrameKind::kDigest, &FaultyTransport::duplicate},
        Way{"equivocation", FrameKind::kDigest, &FaultyTransport::equivocation},
        Way{"flood", FrameKind::kDigest, &FaultyTransport::flood},
        Way{"garbage", FrameKind::kDigest, &FaultyTransport::garbage},
        Way{"half-message", FrameKind::kChunk, &FaultyTransport::half_message},
        Way{"kill", FrameKind::kDigest, &FaultyTransport::dying},
        Way{"slander", FrameKind::kDigest, &FaultyTransport::slander},
        Way{"slow", FrameKind::kDigest, &FaultyTransport::slow},
        Way{"stop", FrameKind::kDigest, &FaultyTransport::stop},
        Way{"trickle", FrameKind::kChunk, &FaultyTransport::trickle},
        Way{"trickle-relay", FrameKind::kWeights, &FaultyTransport::slow},
        Way{"undelivered", FrameKind::kChunk, &FaultyTransport::lose},
        Way{"wrong-chunk", FrameKind::kChunk, &FaultyTransport::spoil},
        Way{"wrong-length", FrameKind::kDigest, &FaultyTransport::wrong_length},
        Way{"wrong-step", FrameKind::kDigest, &FaultyTransport::wrong_step},
    };
    const auto found = std::ranges::find(kWays, kind, &Way::kind);
    if (found == kWays.end()) throw UsageError(fmt::format("unknown fault '{}'", kind));
    return *found;
  }

  std::vector<Fault> faults_;
  std::chrono::milliseconds pause_;
  std::chrono::duration<double> trickle_ = pause_;
};

/// "KIND:FROM-TO"; UsageError for anything else.
inline Fault parse_fault(std::string_view text) {
  const std::size_t colon = text.rfind(':'), dash = text.rfind('-');
  Fault fault;
  const auto number = [&](std::string_view digits, std::uint64_t& value) {
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    return error == std::errc() && stop == end;
  };
  if (colon == std::string_view::npos || dash == std::string_view::npos || dash < colon ||
      !number(text.substr(colon + 1, dash - colon - 1), fault.from) ||
      !number(text.substr(dash + 1), fault.to)) {
    throw UsageError(fmt::format("'{}' is no KIND:FROM-TO", text));
  }
  fault.kind = text.substr(0, colon);
  return fault;
}

}  // namespace detox
