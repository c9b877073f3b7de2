#include "comm/frame.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <vector>

#include "base/assert.hpp"

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
  std::uint32_t flags = 0;  // none yet: must be zero
  std::uint64_t payload_bytes = 0;
  std::uint64_t detail = 0;
  std::uint64_t reserved[3] = {0, 0, 0};  // must be zero
};
static_assert(sizeof(Header) == kFrameHeaderBytes);

struct KindRule {
  bool step, slice, detail;  // may be other than zero
};

/// What the kinds use of the header, by their numbers; index 0 is no kind.
constexpr KindRule kRules[] = {
    {false, false, false}, {false, false, false}, {false, false, false}, {true, false, true},
    {true, true, false},   {true, true, false},   {false, false, true},  {false, false, true},
    {false, false, false}, {false, false, false},
};

class FrameBuilder {
 public:
  FrameBuilder(FrameKind kind, std::size_t payload_bytes)
      : bytes_(std::make_shared<std::vector<std::byte>>(kFrameHeaderBytes + payload_bytes)) {
    header.kind = static_cast<std::uint16_t>(kind);
    header.payload_bytes = payload_bytes;
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
  std::shared_ptr<std::vector<std::byte>> bytes_;
  std::size_t end_ = kFrameHeaderBytes;
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
  if (header.flags != 0 || reserved_used || (!rule.step && header.step != 0) ||
      (!rule.slice && header.slice != 0) || (!rule.detail && header.detail != 0)) {
    return refuse(FrameVerdict::kBadField);
  }
  view.verdict = FrameVerdict::kOk;
  view.kind = static_cast<FrameKind>(header.kind);
  view.step = header.step;
  view.slice = header.slice;
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

std::optional<WeightsView> parse_weights(const FrameView& frame, std::size_t parameter_count,
                                         std::size_t statistic_count) {
  if (frame.verdict != FrameVerdict::kOk || frame.kind != FrameKind::kWeights) return std::nullopt;
  const std::size_t parameter_bytes = parameter_count * sizeof(float);
  if (frame.detail != parameter_bytes ||
      frame.payload.size() != parameter_bytes + statistic_count * sizeof(float)) {
    return std::nullopt;
  }
  return WeightsView{frame.step, view_as<float>(frame.payload.first(parameter_bytes)),
                     view_as<float>(frame.payload.subspan(parameter_bytes))};
}

std::optional<OrderView> parse_order(const FrameView& frame, std::size_t slices,
                                     std::size_t workers) {
  if (frame.verdict != FrameVerdict::kOk || frame.kind != FrameKind::kOrder) return std::nullopt;
  if (frame.slice >= slices) return std::nullopt;
  if (!frame.payload.empty() && frame.payload.size() != workers * sizeof(std::uint32_t)) {
    return std::nullopt;
  }
  const auto assignment = view_as<std::uint32_t>(frame.payload);
  const bool valid =
      std::all_of(assignment.begin(), assignment.end(),
                  [slices](std::uint32_t slice) { return slice < slices || slice == kNoSlice; });
  if (!valid) return std::nullopt;
  return OrderView{frame.step, frame.slice, assignment};
}

std::optional<AnswerView> parse_answer(const FrameView& frame, std::size_t answer_bytes) {
  if (frame.verdict != FrameVerdict::kOk || frame.kind != FrameKind::kAnswer) return std::nullopt;
  if (frame.payload.size() != answer_bytes) return std::nullopt;
  return AnswerView{frame.step, frame.slice, frame.payload};
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

FrameBytes make_weights(std::uint64_t step, std::span<const float> parameters,
                        std::span<const float> statistics) {
  FrameBuilder builder(FrameKind::kWeights, parameters.size_bytes() + statistics.size_bytes());
  builder.header.step = step;
  builder.header.detail = parameters.size_bytes();
  builder.append(parameters.data(), parameters.size_bytes());
  builder.append(statistics.data(), statistics.size_bytes());
  return builder.finish();
}

FrameBytes make_order(std::uint64_t step, std::uint32_t slice,
                      std::span<const std::uint32_t> assignment) {
  FrameBuilder builder(FrameKind::kOrder, assignment.size_bytes());
  builder.header.step = step;
  builder.header.slice = slice;
  builder.append(assignment.data(), assignment.size_bytes());
  return builder.finish();
}

FrameBytes make_answer(std::uint64_t step, std::uint32_t slice, std::span<const std::byte> bytes) {
  FrameBuilder builder(FrameKind::kAnswer, bytes.size());
  builder.header.step = step;
  builder.header.slice = slice;
  builder.append(bytes.data(), bytes.size());
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

std::size_t max_frame_from_worker(std::size_t answer_bytes) {
  return kFrameHeaderBytes + std::max(answer_bytes, kMaxTextBytes);
}

std::size_t max_frame_from_server(std::size_t parameter_count, std::size_t statistic_count,
                                  std::size_t workers) {
  return kFrameHeaderBytes + std::max({(parameter_count + statistic_count) * sizeof(float),
                                       workers * sizeof(std::uint32_t), kMaxTextBytes});
}

}  // namespace detox
