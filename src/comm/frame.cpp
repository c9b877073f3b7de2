#include "comm/frame.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <vector>

#include "base/assert.hpp"
#include "comm/slice_lists.hpp"

namespace detox {
namespace {

static_assert(std::endian::native == std::endian::little,
              "frames are copied as they lie in memory");

constexpr std::uint32_t kMagic = 0x58545844;  // "DXTX"

/// The header as it lies in the frame. No padding: every member is at a multiple of its size.
struct Header {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kWireVersion;
  std::uint16_t kind = 0;
  std::uint64_t step = 0;
  std::uint32_t slice = 0;
  std::uint32_t flags = 0;  // kPacked, for a chunk; else zero
  std::uint64_t payload_bytes = 0;
  std::uint64_t detail = 0;
  std::uint64_t reserved[3] = {0, 0, 0};  // must be zero
};
static_assert(sizeof(Header) == kFrameHeaderBytes);

constexpr std::uint32_t kPacked = 1;

struct KindRule {
  bool step, slice, detail, flags;  // may be other than zero
};

/// What the kinds use of the header, by their numbers; index 0 is no kind.
constexpr KindRule kRules[] = {
    {false, false, false, false},  //
    {false, false, false, false},  // welcome
    {false, false, false, false},  // ready
    {false, false, false, false},  // start
    {true, true, true, false},     // order
    {true, false, true, false},    // weights
    {true, false, true, false},    // ask weights
    {true, true, false, false},    // digest
    {true, true, false, false},    // request
    {true, true, true, true},      // chunk
    {false, false, true, false},   // failure
    {false, false, true, false},   // stop
    {false, false, false, false},  // wait
};

class FrameBuilder {
 public:
  FrameBuilder(FrameKind kind, std::size_t payload_bytes)
      : bytes_(std::make_shared<FrameBuffer>()) {
    header.kind = static_cast<std::uint16_t>(kind);
    header.payload_bytes = payload_bytes;
    bytes_->resize(kFrameHeaderBytes + payload_bytes);
  }

  void append(const void* data, std::size_t size) {
    DETOX_ASSERT(size <= bytes_->size() - end_);
    if (size > 0) std::memcpy(bytes_->data() + end_, data, size);
    end_ += size;
  }

  FrameBytes finish() {
    DETOX_ASSERT(end_ == bytes_->size());
    std::memcpy(bytes_->data(), &header, sizeof header);
    return std::move(bytes_);
  }

  Header header;

 private:
  std::shared_ptr<FrameBuffer> bytes_;
  std::size_t end_ = kFrameHeaderBytes;  ///< of what is written
};

FrameBytes make_text(FrameKind kind, std::string_view text) {
  DETOX_ASSERT(!text.empty() && text.size() <= kMaxTextBytes);
  FrameBuilder builder(kind, text.size());
  builder.append(text.data(), text.size());
  return builder.finish();
}

std::optional<std::string_view> parse_text(const FrameView& frame, FrameKind kind) {
  if (frame.verdict != FrameVerdict::kOk || frame.kind != kind) return std::nullopt;
  if (frame.payload.empty() || frame.payload.size() > kMaxTextBytes) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(frame.payload.data()),
                          frame.payload.size());
}

template <class T>
std::span<const T> view_as(std::span<const std::byte> bytes) {
  DETOX_ASSERT(reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(T) == 0);
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

bool is_of(const FrameView& frame, FrameKind kind) {
  return frame.verdict == FrameVerdict::kOk && frame.kind == kind;
}

/// What an order's payload begins with; ranks, slices and digests follow.
struct OrderParts {
  std::uint32_t weights_from = 0, relays = 0, assigned = 0;
};

std::optional<std::span<const std::uint32_t>> parse_indices(const FrameView& frame, FrameKind kind,
                                                            const Chunks& chunks) {
  if (!is_of(frame, kind) || frame.payload.size() % sizeof(std::uint32_t) != 0) return std::nullopt;
  const auto indices = view_as<std::uint32_t>(frame.payload);
  const bool valid =
      !indices.empty() && indices.size() <= kMaxRequested &&
      std::ranges::all_of(indices, [&](std::uint32_t index) { return index < chunks.count(); });
  if (!valid) return std::nullopt;
  return indices;
}

bool is_exit_code(std::uint64_t detail) { return detail <= 255; }

}  // namespace

std::string_view verdict_name(FrameVerdict verdict) {
  switch (verdict) {
    case FrameVerdict::kOk:
      return "sound";
    case FrameVerdict::kTooShort:
      return "shorter than a header";
    case FrameVerdict::kBadMagic:
      return "not a frame of detoxml";
    case FrameVerdict::kWrongVersion:
      return "of another protocol version";
    case FrameVerdict::kUnknownKind:
      return "of an unknown kind";
    case FrameVerdict::kWrongLength:
      return "not as long as its header says";
    case FrameVerdict::kBadField:
      return "with a header field that its kind does not have";
  }
  DETOX_ASSERT(false);
}

FrameView parse_frame(std::span<const std::byte> bytes) {
  FrameView view;
  const auto refuse = [&view](FrameVerdict verdict) {
    view.verdict = verdict;
    return view;
  };
  if (bytes.size() < kFrameHeaderBytes) return refuse(FrameVerdict::kTooShort);
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMagic) return refuse(FrameVerdict::kBadMagic);
  if (header.version != kWireVersion) return refuse(FrameVerdict::kWrongVersion);
  if (header.kind == 0 || header.kind >= std::size(kRules))
    return refuse(FrameVerdict::kUnknownKind);
  if (header.payload_bytes != bytes.size() - kFrameHeaderBytes) {
    return refuse(FrameVerdict::kWrongLength);
  }
  const KindRule rule = kRules[header.kind];
  const bool reserved_used = std::any_of(std::begin(header.reserved), std::end(header.reserved),
                                         [](std::uint64_t word) { return word != 0; });
  const std::uint32_t allowed_flags = rule.flags ? kPacked : 0;
  if ((header.flags & ~allowed_flags) != 0 || reserved_used || (!rule.step && header.step != 0) ||
      (!rule.slice && header.slice != 0) || (!rule.detail && header.detail != 0)) {
    return refuse(FrameVerdict::kBadField);
  }
  view.verdict = FrameVerdict::kOk;
  view.kind = static_cast<FrameKind>(header.kind);
  view.step = header.step;
  view.slice = header.slice;
  view.packed = (header.flags & kPacked) != 0;
  view.detail = header.detail;
  view.payload = bytes.subspan(kFrameHeaderBytes);
  return view;
}

std::optional<std::string_view> parse_welcome(const FrameView& frame) {
  return parse_text(frame, FrameKind::kWelcome);
}

std::optional<std::string_view> parse_ready(const FrameView& frame) {
  return parse_text(frame, FrameKind::kReady);
}

std::optional<std::string_view> parse_start(const FrameView& frame) {
  return parse_text(frame, FrameKind::kStart);
}

std::optional<OrderView> parse_order(const FrameView& frame, const OrderLimits& limits,
                                     const Chunks& weights) {
  const auto [slices, workers, seats, ranks] = limits;
  if (!is_of(frame, FrameKind::kOrder)) return std::nullopt;
  if (frame.slice >= slices && frame.slice != kNoSlice) return std::nullopt;
  OrderParts parts;
  if (frame.payload.size() < sizeof parts) return std::nullopt;
  std::memcpy(&parts, frame.payload.data(), sizeof parts);
  if (parts.relays > ranks || parts.assigned > seats + slices) {
    return std::nullopt;
  }
  const std::size_t words = std::size_t{parts.relays} + parts.assigned;
  if (frame.payload.size() !=
      sizeof parts + words * sizeof(std::uint32_t) + weights.count() * sizeof(Digest)) {
    return std::nullopt;
  }
  const auto rest = frame.payload.subspan(sizeof parts);
  const auto relay_to = view_as<std::uint32_t>(rest.first(parts.relays * sizeof(std::uint32_t)));
  const auto assignment = view_as<std::uint32_t>(
      rest.subspan(relay_to.size_bytes(), parts.assigned * sizeof(std::uint32_t)));
  const bool valid =
      (parts.weights_from <= ranks || parts.weights_from == kNobody) &&
      std::ranges::all_of(
          relay_to, [ranks = ranks](std::uint32_t rank) { return rank >= 1 && rank <= ranks; }) &&
      (assignment.empty() || are_lists(assignment, slices, workers));
  if (!valid) return std::nullopt;
  return OrderView{.step = frame.step,
                   .slice = frame.slice,
                   .weights_from = parts.weights_from,
                   .relay_to = relay_to,
                   .assignment = assignment,
                   .weights_digests = view_as<Digest>(rest.subspan(words * sizeof(std::uint32_t))),
                   .deadline_ms = frame.detail};
}

std::optional<WeightsChunkView> parse_weights(const FrameView& frame, const Chunks& weights) {
  if (!is_of(frame, FrameKind::kWeights) || frame.detail >= weights.count()) return std::nullopt;
  if (frame.payload.size() != weights.size(frame.detail)) return std::nullopt;
  return WeightsChunkView{frame.step, frame.detail, frame.payload};
}

std::optional<AskWeightsView> parse_ask_weights(const FrameView& frame, const Chunks& weights) {
  const auto chunks = parse_indices(frame, FrameKind::kAskWeights, weights);
  if (!chunks || frame.detail > static_cast<std::uint64_t>(AskReason::kWrongBytes)) {
    return std::nullopt;
  }
  return AskWeightsView{frame.step, static_cast<AskReason>(frame.detail), *chunks};
}

std::optional<DigestView> parse_digest(const FrameView& frame, const Chunks& answer) {
  if (!is_of(frame, FrameKind::kDigest)) return std::nullopt;
  if (frame.payload.size() != (1 + answer.count()) * sizeof(Digest)) return std::nullopt;
  return DigestView{frame.step, frame.slice, frame.payload};
}

std::optional<RequestView> parse_request(const FrameView& frame, const Chunks& answer) {
  const auto chunks = parse_indices(frame, FrameKind::kRequest, answer);
  if (!chunks) return std::nullopt;
  return RequestView{frame.step, frame.slice, *chunks};
}

std::optional<ChunkView> parse_chunk(const FrameView& frame, const Chunks& answer) {
  if (!is_of(frame, FrameKind::kChunk) || frame.detail >= answer.count()) return std::nullopt;
  const std::size_t size = answer.size(frame.detail);
  const bool fits = frame.packed ? !frame.payload.empty() && frame.payload.size() < size
                                 : frame.payload.size() == size;
  if (!fits) return std::nullopt;
  return ChunkView{.step = frame.step,
                   .slice = frame.slice,
                   .chunk = frame.detail,
                   .packed = frame.packed,
                   .bytes = frame.payload};
}

std::optional<Failure> parse_failure(const FrameView& frame) {
  if (frame.verdict != FrameVerdict::kOk || frame.kind != FrameKind::kFailure) return std::nullopt;
  if (!is_exit_code(frame.detail) || frame.payload.size() > kMaxFailureBytes) return std::nullopt;
  Failure failure{frame.detail == 2 ? 2 : 1, {}};
  failure.line.reserve(frame.payload.size());
  for (const std::byte byte : frame.payload) {
    const auto c = static_cast<char>(byte);
    failure.line.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  }
  return failure;
}

std::optional<int> parse_stop(const FrameView& frame) {
  if (frame.verdict != FrameVerdict::kOk || frame.kind != FrameKind::kStop) return std::nullopt;
  if (!is_exit_code(frame.detail) || !frame.payload.empty()) return std::nullopt;
  return static_cast<int>(frame.detail);
}

bool parse_wait(const FrameView& frame) {
  return frame.verdict == FrameVerdict::kOk && frame.kind == FrameKind::kWait &&
         frame.payload.empty();
}

FrameBytes make_welcome(std::string_view json) { return make_text(FrameKind::kWelcome, json); }

FrameBytes make_ready(std::string_view json) { return make_text(FrameKind::kReady, json); }

FrameBytes make_start(std::string_view json) { return make_text(FrameKind::kStart, json); }

FrameBytes make_order(const OrderView& order) {
  const OrderParts parts{order.weights_from, static_cast<std::uint32_t>(order.relay_to.size()),
                         static_cast<std::uint32_t>(order.assignment.size())};
  FrameBuilder builder(FrameKind::kOrder, sizeof parts + order.relay_to.size_bytes() +
                                              order.assignment.size_bytes() +
                                              order.weights_digests.size_bytes());
  builder.header.step = order.step;
  builder.header.slice = order.slice;
  builder.header.detail = order.deadline_ms;
  builder.append(&parts, sizeof parts);
  builder.append(order.relay_to.data(), order.relay_to.size_bytes());
  builder.append(order.assignment.data(), order.assignment.size_bytes());
  builder.append(order.weights_digests.data(), order.weights_digests.size_bytes());
  return builder.finish();
}

FrameBytes make_weights(std::uint64_t step, std::size_t chunk, std::span<const std::byte> first,
                        std::span<const std::byte> second) {
  FrameBuilder builder(FrameKind::kWeights, first.size() + second.size());
  builder.header.step = step;
  builder.header.detail = chunk;
  builder.append(first.data(), first.size());
  builder.append(second.data(), second.size());
  return builder.finish();
}

FrameBytes make_ask_weights(const AskWeightsView& ask) {
  FrameBuilder builder(FrameKind::kAskWeights, ask.chunks.size_bytes());
  builder.header.step = ask.step;
  builder.header.detail = static_cast<std::uint64_t>(ask.reason);
  builder.append(ask.chunks.data(), ask.chunks.size_bytes());
  return builder.finish();
}

FrameBytes make_digest(std::uint64_t step, std::uint32_t slice, std::span<const std::byte> bytes) {
  FrameBuilder builder(FrameKind::kDigest, bytes.size());
  builder.header.step = step;
  builder.header.slice = slice;
  builder.append(bytes.data(), bytes.size());
  return builder.finish();
}

FrameBytes make_request(std::uint64_t step, std::uint32_t slice,
                        std::span<const std::uint32_t> chunks) {
  FrameBuilder builder(FrameKind::kRequest, chunks.size_bytes());
  builder.header.step = step;
  builder.header.slice = slice;
  builder.append(chunks.data(), chunks.size_bytes());
  return builder.finish();
}

FrameBytes make_chunk(const ChunkView& chunk) {
  FrameBuilder builder(FrameKind::kChunk, chunk.bytes.size());
  builder.header.step = chunk.step;
  builder.header.slice = chunk.slice;
  builder.header.detail = chunk.chunk;
  builder.header.flags = chunk.packed ? kPacked : 0;
  builder.append(chunk.bytes.data(), chunk.bytes.size());
  return builder.finish();
}

FrameBytes make_failure(std::string_view line, int exit_code) {
  DETOX_ASSERT(exit_code >= 0 && exit_code <= 255);
  line = line.substr(0, kMaxFailureBytes);
  FrameBuilder builder(FrameKind::kFailure, line.size());
  builder.header.detail = static_cast<std::uint64_t>(exit_code);
  builder.append(line.data(), line.size());
  return builder.finish();
}

FrameBytes make_stop(int exit_code) {
  DETOX_ASSERT(exit_code >= 0 && exit_code <= 255);
  FrameBuilder builder(FrameKind::kStop, 0);
  builder.header.detail = static_cast<std::uint64_t>(exit_code);
  return builder.finish();
}

FrameBytes make_wait() { return FrameBuilder(FrameKind::kWait, 0).finish(); }

std::size_t max_frame_from_worker(const Chunks& answer) {
  return kFrameHeaderBytes + std::max({answer.chunk_bytes, (1 + answer.count()) * sizeof(Digest),
                                       kMaxRequested * sizeof(std::uint32_t), kMaxFailureBytes});
}

std::size_t max_frame_to_worker(const Chunks& weights, const OrderLimits& limits) {
  const std::size_t order = sizeof(OrderParts) +
                            (limits.ranks + limits.seats + limits.slices) * sizeof(std::uint32_t) +
                            weights.count() * sizeof(Digest);
  return kFrameHeaderBytes + std::max({weights.chunk_bytes, order, kMaxTextBytes});
}

}  // namespace detox
