// What a worker answers for a slice: one byte string that is voted as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace detox {

/// [encoded gradient | statistics, float32 | zero padding to 8 | loss sum, float64 | number
/// correct, int64]. With the codec `none` the first part and the second are d + s floats in a row.
struct AnswerLayout {
  std::size_t gradient_bytes = 0;  ///< a multiple of 4
  std::size_t statistics = 0;      ///< s

  std::size_t statistics_offset() const { return gradient_bytes; }
  std::size_t loss_offset() const { return (gradient_bytes + 4 * statistics + 7) / 8 * 8; }
  std::size_t correct_offset() const { return loss_offset() + 8; }
  std::size_t size() const { return loss_offset() + 16; }
};

/// The last two fields. Any bytes that a worker sends are a valid value.
struct AnswerTally {
  double loss_sum = 0;
  std::int64_t correct = 0;
};

inline AnswerTally read_tally(const AnswerLayout& layout, std::span<const std::byte> answer) {
  AnswerTally tally;
  std::memcpy(&tally.loss_sum, answer.data() + layout.loss_offset(), 8);
  std::memcpy(&tally.correct, answer.data() + layout.correct_offset(), 8);
  return tally;
}

inline void write_tally(const AnswerLayout& layout, const AnswerTally& tally,
                        std::span<std::byte> answer) {
  std::memcpy(answer.data() + layout.loss_offset(), &tally.loss_sum, 8);
  std::memcpy(answer.data() + layout.correct_offset(), &tally.correct, 8);
}

}  // namespace detox
