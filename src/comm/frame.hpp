// The messages between the server and its workers as bytes (docs/formats/wire.md): a header of 64
// bytes, little endian, then the payload, so that floats stay as aligned as the buffer that they
// came in. Whatever is parsed here was sent by somebody else: a parse ends in a verdict or in
// nothing, never in an exception, and no length is believed before it was compared with the bytes
// that are there. What is called a step here is a round_number(): one that is taken again is
// another one. Builders copy their input once. All functions are free of state: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "comm/chunks.hpp"
#include "comm/transport.hpp"

namespace detox {

inline constexpr std::size_t kFrameHeaderBytes = 64;
inline constexpr std::uint16_t kWireVersion = 6;
/// The longest text of a welcome, a start or a ready message.
inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20;
/// The longest line of a failure; make_failure() cuts, parse_failure() refuses.
inline constexpr std::size_t kMaxFailureBytes = 1000;
/// In place of a slice: this worker is asked for none yet.
inline constexpr std::uint32_t kNoSlice = 0xffffffff;
/// In place of a rank: nobody sends this worker its weights, it asks the server for them.
inline constexpr std::uint32_t kNobody = 0xffffffff;
/// The most chunks that one request names.
inline constexpr std::size_t kMaxRequested = 64;

enum class FrameKind : std::uint16_t {
  kWelcome = 1,     ///< server to worker: JSON, what it needs to get ready
  kReady = 2,       ///< worker to server: JSON, its profile and digests of layout, data and a probe
  kStart = 3,       ///< server to worker: JSON, sizes, the simulated attack and derived keys
  kOrder = 4,       ///< server to one worker: the slice to compute, and the weights' digests
  kWeights = 5,     ///< server or worker to worker: one chunk of the weights
  kAskWeights = 6,  ///< worker to server: chunks of the weights that have not come
  kDigest = 7,      ///< worker to server: what its answer is, in digests
  kRequest = 8,     ///< server to worker: chunks of that answer to send
  kChunk = 9,       ///< worker to server: one chunk of an answer
  kFailure = 10,    ///< worker to server: why it ends
  kStop = 11,       ///< server to worker: the run has ended
  kWait = 12,       ///< server to worker: a sign of life while it waits for others
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
  bool packed = false;  ///< kChunk: compressed
  /// kOrder: the deadline; a chunk's index; kAskWeights: why; kFailure, kStop: the exit code.
  std::uint64_t detail = 0;
  std::span<const std::byte> payload;
};

FrameView parse_frame(std::span<const std::byte> bytes);

struct OrderView {
  std::uint64_t step = 0;
  std::uint32_t slice = 0;                         ///< < slices, or kNoSlice
  std::uint32_t weights_from = 0;                  ///< the rank that sends them, or kNobody
  std::span<const std::uint32_t> relay_to = {};    ///< ranks, each >= 1
  std::span<const std::uint32_t> assignment = {};  ///< empty, or the workers of every slice
  std::span<const Digest> weights_digests = {};    ///< of every chunk
  std::uint64_t deadline_ms = 0;                   ///< that the step lasts at most; 0: not known
};
struct OrderLimits {
  std::size_t slices, workers;
  std::size_t seats;  ///< workers of all slices, each as often as it has one, at the most
  std::size_t ranks;  ///< of workers, also of such that take no part
};
struct WeightsChunkView {
  std::uint64_t step = 0;
  std::size_t chunk = 0;             ///< < chunks
  std::span<const std::byte> bytes;  ///< as long as that chunk
};
enum class AskReason : std::uint8_t {
  kNobodySends = 0,
  kNothingCame = 1,  ///< of what was to be relayed, in time
  kWrongBytes = 2,   ///< were relayed
};
struct AskWeightsView {
  std::uint64_t step = 0;
  AskReason reason = AskReason::kNobodySends;
  std::span<const std::uint32_t> chunks;  ///< 1 to kMaxRequested, each < chunks
};
struct DigestView {
  std::uint64_t step = 0;
  std::uint32_t slice = 0;
  std::span<const std::byte> bytes;  ///< as AnswerDigests has them: this is what is voted on
};
struct RequestView {
  std::uint64_t step = 0;
  std::uint32_t slice = 0;
  std::span<const std::uint32_t> chunks;  ///< 1 to kMaxRequested, each < chunks
};
struct ChunkView {
  std::uint64_t step = 0;
  std::uint32_t slice = 0;
  std::size_t chunk = 0;             ///< < chunks
  bool packed = false;               ///< compressed; else exactly as long as that chunk
  std::span<const std::byte> bytes;  ///< 1 byte or more, at most as long as that chunk
};
struct Failure {
  int exit_code =
      1;  ///< 1, or 2 for a usage error, whatever was sent: the job's end is the server's
  std::string line;  ///< printable ASCII only, whatever was sent: safe on a terminal
};

// Each gives nothing where the frame is of another kind or its contents do not fit what the caller
// expects. The views live as long as the frame's bytes, which must be aligned to 4 (those of a
// std::vector are). The caller compares step and slice with what it had asked for.
std::optional<std::string_view> parse_welcome(const FrameView& frame);
std::optional<std::string_view> parse_ready(const FrameView& frame);
std::optional<std::string_view> parse_start(const FrameView& frame);
/// `weights` are the chunks of parameters and statistics, one byte string.
std::optional<OrderView> parse_order(const FrameView& frame, const OrderLimits& limits,
                                     const Chunks& weights);
std::optional<WeightsChunkView> parse_weights(const FrameView& frame, const Chunks& weights);
std::optional<AskWeightsView> parse_ask_weights(const FrameView& frame, const Chunks& weights);
std::optional<DigestView> parse_digest(const FrameView& frame, const Chunks& answer);
std::optional<RequestView> parse_request(const FrameView& frame, const Chunks& answer);
std::optional<ChunkView> parse_chunk(const FrameView& frame, const Chunks& answer);
std::optional<Failure> parse_failure(const FrameView& frame);
std::optional<int> parse_stop(const FrameView& frame);
bool parse_wait(const FrameView& frame);

FrameBytes make_welcome(std::string_view json);
FrameBytes make_ready(std::string_view json);
FrameBytes make_start(std::string_view json);
FrameBytes make_order(const OrderView& order);
/// The bytes of the chunk may lie in two pieces, one of them empty.
FrameBytes make_weights(std::uint64_t step, std::size_t chunk, std::span<const std::byte> first,
                        std::span<const std::byte> second = {});
FrameBytes make_ask_weights(const AskWeightsView& ask);
FrameBytes make_digest(std::uint64_t step, std::uint32_t slice, std::span<const std::byte> bytes);
FrameBytes make_request(std::uint64_t step, std::uint32_t slice,
                        std::span<const std::uint32_t> chunks);
FrameBytes make_chunk(const ChunkView& chunk);
FrameBytes make_failure(std::string_view line, int exit_code);
FrameBytes make_stop(int exit_code);
FrameBytes make_wait();

/// What Transport::receive() should be given: the longest frame that an honest worker sends to the
/// server in a step, and the longest that anybody sends to a worker.
std::size_t max_frame_from_worker(const Chunks& answer);
std::size_t max_frame_to_worker(const Chunks& weights, const OrderLimits& limits);

}  // namespace detox
