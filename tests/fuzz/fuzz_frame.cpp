// Any bytes to every parser of frames: nothing is read outside them, nothing is thrown, at most one
// kind accepts, and what is accepted is within what the reader expects.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "comm/frame.hpp"
#include "comm/slice_lists.hpp"

namespace {

using namespace detox;

void require(bool holds) {
  if (!holds) std::abort();
}

/// Views are read to their last byte, so that the address sanitizer sees where they end.
template <class T>
void touch(std::span<const T> items) {
  volatile unsigned sum = 0;
  for (const std::byte byte : std::as_bytes(items)) sum = sum + std::to_integer<unsigned>(byte);
}

bool all_below(std::span<const std::uint32_t> items, std::size_t limit) {
  return std::ranges::all_of(items, [limit](std::uint32_t item) { return item < limit; });
}

bool takes_order(const FrameView& view, const OrderLimits& limits, const Chunks& weights) {
  const auto order = parse_order(view, limits, weights);
  if (!order) return false;
  require(order->slice < limits.slices || order->slice == kNoSlice);
  require(order->weights_from <= limits.ranks || order->weights_from == kNobody);
  require(order->relay_to.size() <= limits.ranks && all_below(order->relay_to, limits.ranks + 1));
  if (!order->assignment.empty()) {
    std::size_t seats = 0;
    const auto lists = lists_of_words(order->assignment);
    require(lists.size() == limits.slices);
    for (const std::vector<std::uint32_t>& list : lists) {
      require(all_below(list, limits.workers));
      seats += list.size();
    }
    require(seats <= limits.seats);
  }
  require(order->weights_digests.size() == weights.count());
  touch(order->relay_to);
  touch(order->assignment);
  touch(order->weights_digests);
  return true;
}

bool takes_weights(const FrameView& view, const Chunks& weights) {
  const auto chunk = parse_weights(view, weights);
  if (!chunk) return false;
  require(chunk->chunk < weights.count() && chunk->bytes.size() == weights.size(chunk->chunk));
  touch(chunk->bytes);
  return true;
}

bool takes_list(std::span<const std::uint32_t> chunks, const Chunks& of) {
  require(!chunks.empty() && chunks.size() <= kMaxRequested && all_below(chunks, of.count()));
  touch(chunks);
  return true;
}

bool takes_chunk(const FrameView& view, const Chunks& answer) {
  const auto chunk = parse_chunk(view, answer);
  if (!chunk) return false;
  require(chunk->chunk < answer.count() && !chunk->bytes.empty());
  const std::size_t size = answer.size(chunk->chunk);
  require(chunk->packed ? chunk->bytes.size() < size : chunk->bytes.size() == size);
  touch(chunk->bytes);
  return true;
}

bool takes_digest(const FrameView& view, const Chunks& answer) {
  const auto digest = parse_digest(view, answer);
  if (!digest) return false;
  require(digest->bytes.size() == (1 + answer.count()) * sizeof(Digest));
  touch(digest->bytes);
  return true;
}

bool takes_failure(const FrameView& view) {
  const auto failure = parse_failure(view);
  if (!failure) return false;
  require(failure->exit_code == 1 || failure->exit_code == 2);
  require(failure->line.size() <= kMaxFailureBytes);
  for (const char c : failure->line) require(c >= 0x20 && c < 0x7f);
  return true;
}

/// How many parsers of one kind each take the frame.
int parsers_that_accept(const FrameView& view, const OrderLimits& limits, const Chunks& chunks) {
  const auto ask = parse_ask_weights(view, chunks);
  const auto request = parse_request(view, chunks);
  return parse_welcome(view).has_value() + parse_ready(view).has_value() +
         parse_start(view).has_value() + takes_order(view, limits, chunks) +
         takes_weights(view, chunks) + (ask && takes_list(ask->chunks, chunks)) +
         takes_digest(view, chunks) + (request && takes_list(request->chunks, chunks)) +
         takes_chunk(view, chunks) + takes_failure(view) + parse_stop(view).has_value() +
         parse_wait(view);
}

}  // namespace

/// The last four bytes are no part of the frame: they say what the reader expects, and it must hold
/// for every expectation.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kExpectations = 4;
  if (size < kExpectations) return 0;
  size -= kExpectations;
  const std::uint8_t* expected = data + size;
  // Exactly as long as the frame, and aligned as a receive buffer is.
  std::vector<std::byte> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  const FrameView view = parse_frame(bytes);
  const Chunks chunks{expected[0], 1U + expected[1] % 16U};
  const std::size_t workers = expected[3] % 8U;
  const OrderLimits limits{.slices = expected[2],
                           .workers = workers,
                           .seats = workers + expected[2] % 3U,
                           .ranks = expected[3] / 8U};
  const int accepted = parsers_that_accept(view, limits, chunks);
  require(accepted <= 1 && (accepted == 0 || view.verdict == FrameVerdict::kOk));
  return 0;
}
