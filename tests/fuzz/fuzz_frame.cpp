// Any bytes to every parser of frames: nothing is read outside them, nothing is thrown, and at most
// one kind accepts.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "comm/frame.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace detox;
  std::vector<std::byte> bytes(
      size);  // exactly as long as the input, and aligned as a receive buffer is
  if (size > 0) std::memcpy(bytes.data(), data, size);
  const FrameView view = parse_frame(bytes);
  // What the reader expects is part of the input too: it must hold for every expectation.
  const std::size_t expected = size > 0 ? data[size - 1] : 0;
  const auto weights = parse_weights(view, expected, size % 5);
  const auto order = parse_order(view, expected, size % 7);
  const auto answer = parse_answer(view, view.payload.size());
  const auto failure = parse_failure(view);
  const int accepted = parse_welcome(view).has_value() + parse_ready(view).has_value() +
                       parse_start(view).has_value() + weights.has_value() + order.has_value() +
                       answer.has_value() + failure.has_value() + parse_stop(view).has_value() +
                       parse_wait(view);
  if (accepted > 1 || (accepted == 1 && view.verdict != FrameVerdict::kOk)) std::abort();
  if (weights && weights->parameters.size() != expected) std::abort();
  if (order && order->slice >= expected) std::abort();
  if (failure) {
    for (const char c : failure->line) {
      if (c < 0x20 || c > 0x7e) std::abort();
    }
  }
  return 0;
}
