// The messages between the server and its workers as bytes (docs/formats/wire.md): a header of 64
// bytes, little endian, then the payload, so that floats stay as aligned as the buffer that they
// came in. Whatever is parsed here was sent by somebody else: a parse ends in a verdict or in
// nothing, never in an exception, and no length is believed before it was compared with the bytes
// that are there. Builders copy their input once. All functions are free of state: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "detox/transport.hpp"

namespace detox {

inline constexpr std::size_t kFrameHeaderBytes = 64;
inline constexpr std::uint16_t kWireVersion = 1;
/// The longest text of a welcome, ready or start message.
inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20;
/// The longest line of a failure; make_failure() cuts, parse_failure() refuses.
inline constexpr std::size_t kMaxFailureBytes = 1000;
/// In place of a slice: this worker computes none in this step.
inline constexpr std::uint32_t kNoSlice = 0xffffffff;

enum class FrameKind : std::uint16_t {
  kWelcome = 1,  ///< server to worker: JSON, what a learner, its data and a probe are made of
  kReady = 2,    ///< worker to server: JSON, its profile and digests of layout, data and probe
  kWeights = 3,  ///< server to all workers, the same bytes: parameters, then statistics
  kOrder = 4,    ///< server to one worker: the slice to compute
  kAnswer = 5,   ///< worker to server: the answer for that slice
  kFailure = 6,  ///< worker to server: why it ends
  kStop = 7,     ///< server to worker: the run has ended
  kWait = 8,     ///< server to worker: a sign of life while it waits for others
  kStart = 9,    ///< server to all workers: JSON, who takes part, sizes and derived keys
};

enum class FrameVerdict {
  kOk,
  kTooShort,      ///< less than a header
  kBadMagic,      ///< no frame of this program
  kWrongVersion,  ///< another protocol version
  kUnknownKind,
  kWrongLength,  ///< the payload is not as long as the header says
  kBadField,     ///< a field that must be zero for this kind is not
};

std::string_view verdict_name(FrameVerdict verdict);  ///< in words, for a log line

/// A frame whose header holds together; views into the bytes that were parsed. Everything but the
/// verdict is zero or empty unless the verdict is kOk.
struct FrameView {
  FrameVerdict verdict = FrameVerdict::kTooShort;
  FrameKind kind = FrameKind::kStop;
  std::uint64_t step = 0;
  std::uint32_t slice = 0;
  std::uint64_t detail = 0;  ///< kWeights: bytes of parameters; kFailure, kStop: the exit code
  std::span<const std::byte> payload;
};

FrameView parse_frame(std::span<const std::byte> bytes);

struct WeightsView {
  std::uint64_t step = 0;
  std::span<const float> parameters, statistics;  ///< any bit pattern, NaN too
};
struct OrderView {
  std::uint64_t step = 0;
  std::uint32_t slice = 0;                    ///< < slices
  std::span<const std::uint32_t> assignment;  ///< empty, or the slice (or kNoSlice) of every worker
};
struct AnswerView {
  std::uint64_t step = 0;
  std::uint32_t slice = 0;
  std::span<const std::byte> bytes;
};
struct Failure {
  int exit_code =
      1;  ///< 1, or 2 for a usage error, whatever was sent: the job's end is the server's
  std::string line;  ///< printable ASCII only, whatever was sent: safe on a terminal
};

// Each gives nothing where the frame is of another kind or its contents do not fit what the caller
// expects. The views live as long as the frame's bytes, which must be aligned to 4 (those of a
// std::vector are).
std::optional<std::string_view> parse_welcome(const FrameView& frame);
std::optional<std::string_view> parse_ready(const FrameView& frame);
std::optional<std::string_view> parse_start(const FrameView& frame);
std::optional<WeightsView> parse_weights(const FrameView& frame, std::size_t parameter_count,
                                         std::size_t statistic_count);
std::optional<OrderView> parse_order(const FrameView& frame, std::size_t slices,
                                     std::size_t workers);
/// The caller compares step and slice with what it had asked for.
std::optional<AnswerView> parse_answer(const FrameView& frame, std::size_t answer_bytes);
std::optional<Failure> parse_failure(const FrameView& frame);
std::optional<int> parse_stop(const FrameView& frame);
bool parse_wait(const FrameView& frame);

FrameBytes make_welcome(std::string_view json);
FrameBytes make_ready(std::string_view json);
FrameBytes make_start(std::string_view json);
FrameBytes make_weights(std::uint64_t step, std::span<const float> parameters,
                        std::span<const float> statistics);
FrameBytes make_order(std::uint64_t step, std::uint32_t slice,
                      std::span<const std::uint32_t> assignment = {});
FrameBytes make_answer(std::uint64_t step, std::uint32_t slice, std::span<const std::byte> bytes);
FrameBytes make_failure(std::string_view line, int exit_code);
FrameBytes make_stop(int exit_code);
FrameBytes make_wait();

/// What Transport::receive() should be given: the longest frame that an honest worker sends to the
/// server, and the longest that the server sends to a worker.
std::size_t max_frame_from_worker(std::size_t answer_bytes);
std::size_t max_frame_from_server(std::size_t parameter_count, std::size_t statistic_count,
                                  std::size_t workers);

}  // namespace detox
