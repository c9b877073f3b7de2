// How a slice's values become the bytes that are voted on, and how voted bytes become a row again.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/aligned_buffer.hpp"
#include "round/answer.hpp"
#include "stages/compress/codec.hpp"

namespace detox {

/// One worker's answer for one slice: d + s values (gradient, then statistics), a tally, and the
/// answer made of them. With the codec `none` the values are the first bytes of the answer and
/// nothing is copied.
struct AnswerSlot {
  AlignedBuffer values;
  AlignedBuffer encoded;  ///< empty under the codec `none`
  AnswerTally tally;
};

/// Immutable; shared by server and workers of a run.
class AnswerFormat {
 public:
  AnswerFormat(std::string_view codec, std::size_t d, std::size_t s);

  std::size_t d() const { return d_; }
  std::size_t s() const { return layout_.statistics; }
  const AnswerLayout& layout() const { return layout_; }
  bool rows_need_decoding() const { return !codec_->is_identity(); }

  AnswerSlot make_slot() const;
  std::span<float> values(AnswerSlot& slot) const;
  std::span<const float> values(const AnswerSlot& slot) const;
  /// The answer for the slot's values; valid as long as the slot is unchanged.
  std::span<const std::byte> seal(AnswerSlot& slot, std::uint64_t step) const;

  /// The gradient in an answer as it lies (codec `none` alone).
  const float* gradient_row(std::span<const std::byte> answer) const;
  /// The gradient in an answer as it was encoded.
  std::span<const std::byte> encoded_gradient(std::span<const std::byte> answer) const;
  void encode_gradient(std::span<const float> gradient, std::uint64_t step,
                       std::span<std::byte> bytes) const;  ///< as seal() does
  void decode_gradient(std::span<const std::byte> answer, std::span<float> row) const;
  const float* statistics_row(std::span<const std::byte> answer) const;

 private:
  std::size_t d_;
  std::unique_ptr<Codec> codec_;
  AnswerLayout layout_;
};

}  // namespace detox
