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
#include <deque>
#include <functional>
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

/// KIND:FROM-TO, the steps counted from 1, both ends in. What is before the first is step 0.
struct Fault {
  std::string kind;
  std::uint64_t from = 0, to = 0;
};

class FaultyTransport final : public TransportAround {
 public:
  using Sleep = std::function<void(std::chrono::duration<double>)>;
  /// UsageError where a fault's kind is unknown. `pause` is how long `slow`, `stop` and
  /// `trickle-relay` last, the first chunk of `trickle`, and each of `drip` and `drip-relay`.
  FaultyTransport(
      Transport& end, std::vector<Fault> faults, std::chrono::milliseconds pause,
      Sleep sleep = [](std::chrono::duration<double> time) { std::this_thread::sleep_for(time); })
      : TransportAround(end), faults_(std::move(faults)), pause_(pause), sleep_(std::move(sleep)) {
    for (const Fault& fault : faults_) way_of(fault.kind);
  }

  /// Gets each fault as it is committed.
  std::function<void(const Fault& fault, const FrameView& view)> tell;

  void send(int to, FrameBytes frame) override {
    const FrameView view = parse_frame(*frame);
    for (const Fault& fault : faults_) {
      const Way& way = way_of(fault.kind);
      if (view.kind != way.spoils || view.step < fault.from || view.step > fault.to) continue;
      if (tell) tell(fault, view);
      return (this->*way.send)(to, frame, view);
    }
    if (!faults_.empty()) remember(frame);
    inner_.send(to, std::move(frame));
  }

  std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout,
                                       std::size_t max_bytes) override {
    const auto end = clock().now() + timeout;
    while (true) {
      send_due();
      const auto now = clock().now();
      const auto next = dripping_.empty() ? end : std::min(end, dripping_.front().due);
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now);
      auto frame = inner_.receive(std::max(left, std::chrono::milliseconds(0)), max_bytes);
      if (frame || clock().now() >= end) return frame;
    }
  }

  static constexpr std::size_t kFloodFrames = 10'000;
  static constexpr std::size_t kRemembered = 8;

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
    inner_.send(to, spoilt(frame, own_way()));
  }

  void spoil(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    inner_.send(to, spoilt(frame, own_way()));
  }

  /// No two ranks spoil a frame in the same way: lies that differ get no majority.
  std::byte own_way() const { return static_cast<std::byte>(rank()); }

  void remember(const FrameBytes& frame) {
    sent_.push_back(frame);
    if (sent_.size() > kRemembered) sent_.pop_front();
  }

  /// All that it has sent lately, once more.
  void repeat(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    for (const FrameBytes& old : sent_) inner_.send(to, old);
    inner_.send(to, frame);
  }

  /// An answer for the slice after its own.
  void other_slice(int to, const FrameBytes& /*frame*/, const FrameView& view) {
    inner_.send(to, make_digest(view.step, view.slice + 1, view.payload));
  }

  /// Longer than any frame of a worker.
  void oversized(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    FrameBuffer content = *frame;
    content.resize(content.size() + (std::size_t{2} << 20U), std::byte{0});
    inner_.send(to, bytes(std::move(content)));
  }

  /// It says that it ends, and goes on.
  void farewell(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    inner_.send(to, make_failure("it has had enough", 1));
    inner_.send(to, frame);
  }

  /// Weights that nobody can use, for all other workers.
  void flood_others(int to, const FrameBytes& frame, const FrameView& view) {
    const std::vector<std::byte> noise(view.payload.begin(), view.payload.end());
    const FrameBytes weights = make_weights(view.step + 1, 0, noise);
    for (int other = 1; other < size(); ++other) {
      for (int i = 0; other != rank() && i < 300; ++i) inner_.send(other, weights);
    }
    inner_.send(to, frame);
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
    sleep_(pause_);
    inner_.send(to, frame);
  }

  /// A little later each time, to see how much is borne.
  void trickle(int to, const FrameBytes& frame, const FrameView& /*view*/) {
    constexpr double kLater = 1.02;
    sleep_(trickle_);
    trickle_ *= kLater;
    inner_.send(to, frame);
  }

  /// Each so much later than the last; meanwhile it does everything else as fast as anybody.
  void drip(int to, const FrameBytes& frame, const FrameView& view) {
    std::erase_if(dripping_, [&](const Drop& drop) { return drop.step < view.step; });
    const auto after = dripping_.empty() ? clock().now() : dripping_.back().due;
    dripping_.push_back({after + pause_, view.step, to, frame});
  }

  void send_due() {
    for (; !dripping_.empty() && dripping_.front().due <= clock().now(); dripping_.pop_front())
      inner_.send(dripping_.front().to, dripping_.front().frame);
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
        Way{"drip", FrameKind::kChunk, &FaultyTransport::drip},
        Way{"drip-relay", FrameKind::kWeights, &FaultyTransport::drip},
        Way{"duplicate", FrameKind::kDigest, &FaultyTransport::duplicate},
        Way{"duplicate-chunk", FrameKind::kChunk, &FaultyTransport::duplicate},
        Way{"equivocation", FrameKind::kDigest, &FaultyTransport::equivocation},
        Way{"farewell", FrameKind::kDigest, &FaultyTransport::farewell},
        Way{"flood", FrameKind::kDigest, &FaultyTransport::flood},
        Way{"flood-chunk", FrameKind::kChunk, &FaultyTransport::flood},
        Way{"flood-others", FrameKind::kDigest, &FaultyTransport::flood_others},
        Way{"garbage", FrameKind::kDigest, &FaultyTransport::garbage},
        Way{"garbage-chunk", FrameKind::kChunk, &FaultyTransport::garbage},
        Way{"half-message", FrameKind::kChunk, &FaultyTransport::half_message},
        Way{"kill", FrameKind::kDigest, &FaultyTransport::dying},
        Way{"lost-ready", FrameKind::kReady, &FaultyTransport::lose},
        Way{"lost-relay", FrameKind::kWeights, &FaultyTransport::lose},
        Way{"other-slice", FrameKind::kDigest, &FaultyTransport::other_slice},
        Way{"oversized", FrameKind::kDigest, &FaultyTransport::oversized},
        Way{"repeat", FrameKind::kDigest, &FaultyTransport::repeat},
        Way{"silent", FrameKind::kDigest, &FaultyTransport::lose},
        Way{"slander", FrameKind::kDigest, &FaultyTransport::slander},
        Way{"slow", FrameKind::kDigest, &FaultyTransport::slow},
        Way{"stop", FrameKind::kDigest, &FaultyTransport::stop},
        Way{"trickle", FrameKind::kChunk, &FaultyTransport::trickle},
        Way{"trickle-relay", FrameKind::kWeights, &FaultyTransport::slow},
        Way{"undelivered", FrameKind::kChunk, &FaultyTransport::lose},
        Way{"wrong-chunk", FrameKind::kChunk, &FaultyTransport::spoil},
        Way{"wrong-digest", FrameKind::kDigest, &FaultyTransport::spoil},
        Way{"wrong-length", FrameKind::kDigest, &FaultyTransport::wrong_length},
        Way{"wrong-ready", FrameKind::kReady, &FaultyTransport::spoil},
        Way{"wrong-step", FrameKind::kDigest, &FaultyTransport::wrong_step},
    };
    const auto found = std::ranges::find(kWays, kind, &Way::kind);
    if (found == kWays.end()) throw UsageError(fmt::format("unknown fault '{}'", kind));
    return *found;
  }

  std::vector<Fault> faults_;
  std::chrono::milliseconds pause_;
  Sleep sleep_;
  std::deque<FrameBytes> sent_;  ///< the latest
  std::chrono::duration<double> trickle_ = pause_;
  struct Drop {
    Clock::time_point due;
    std::uint64_t step;
    int to;
    FrameBytes frame;
  };
  std::deque<Drop> dripping_;
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
