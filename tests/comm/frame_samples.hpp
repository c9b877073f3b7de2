// One honest frame of each kind, and every parser on a frame. For weights of 10 bytes and answers
// of 11, cut into chunks of 4, in a run of 15 slices, 3 workers and 5 ranks.
#pragma once

#include <cstring>
#include <string_view>
#include <vector>

#include "comm/frame.hpp"
#include "comm/slice_lists.hpp"

namespace detox {

inline constexpr Chunks kSampleWeights{10, 4}, kSampleAnswer{11, 4};  // 3 chunks each
inline constexpr OrderLimits kSampleLimits{.slices = 15, .workers = 3, .seats = 4, .ranks = 5};
/// Three workers, one of whom has two slices of 15.
inline std::vector<std::uint32_t> sample_lists() {
  std::vector<std::vector<std::uint32_t>> lists(15);
  lists[0] = {2, 0};
  lists[7] = {1};
  lists[14] = {2};
  return words_of_lists(lists);
}

inline FrameView reread(const FrameBytes& frame) { return parse_frame(*frame); }

inline std::vector<std::byte> bytes_of_text(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

/// Digests that can be told apart.
inline std::vector<Digest> sample_digests(std::size_t count) {
  std::vector<Digest> digests(count);
  for (std::size_t i = 0; i < count; ++i) digests[i].fill(static_cast<std::byte>(i + 1));
  return digests;
}

/// The frame with `value` written over what stands at `offset`.
template <class T>
FrameBuffer overwritten(const FrameBytes& frame, std::size_t offset, T value) {
  FrameBuffer bytes = *frame;
  std::memcpy(bytes.data() + offset, &value, sizeof value);
  return bytes;
}

/// Every parser on one frame, with expectations that fit an honest one: how many take it.
inline int parsers_that_accept(const FrameView& view) {
  int accepted = 0;
  accepted += parse_welcome(view).has_value();
  accepted += parse_ready(view).has_value();
  accepted += parse_start(view).has_value();
  accepted += parse_order(view, kSampleLimits, kSampleWeights).has_value();
  accepted += parse_weights(view, kSampleWeights).has_value();
  accepted += parse_ask_weights(view, kSampleWeights).has_value();
  accepted += parse_digest(view, kSampleAnswer).has_value();
  accepted += parse_request(view, kSampleAnswer).has_value();
  accepted += parse_chunk(view, kSampleAnswer).has_value();
  accepted += parse_failure(view).has_value();
  accepted += parse_stop(view).has_value();
  accepted += parse_wait(view) ? 1 : 0;
  return accepted;
}

inline std::vector<FrameBytes> one_of_each_kind() {
  const std::vector<std::uint32_t> relay_to{2, 5}, assignment = sample_lists(), chunks{2, 0};
  const std::vector<Digest> weights = sample_digests(3), answer = sample_digests(4);
  return {
      make_welcome("{\"worker\":1}"),
      make_ready("{}"),
      make_start("{\"slices\":15}"),
      make_order({.step = 7,
                  .slice = 14,
                  .weights_from = 1,
                  .relay_to = relay_to,
                  .assignment = assignment,
                  .weights_digests = weights}),
      make_weights(7, 2, bytes_of_text("9"), bytes_of_text("A")),
      make_ask_weights({7, AskReason::kWrongBytes, chunks}),
      make_digest(7, 14, std::as_bytes(std::span(answer))),
      make_request(7, 14, chunks),
      make_chunk(
          {.step = 7, .slice = 14, .chunk = 1, .packed = false, .bytes = bytes_of_text("4567")}),
      make_failure("no such file", 1),
      make_stop(3),
      make_wait()};
}

}  // namespace detox
