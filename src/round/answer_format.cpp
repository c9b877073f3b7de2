#include "round/answer_format.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace detox {

AnswerFormat::AnswerFormat(std::string_view codec, std::size_t d, std::size_t s)
    : d_(d), codec_(find_codec(codec).make()), layout_{codec_->encoded_bytes(d), s} {}

AnswerSlot AnswerFormat::make_slot() const {
  const AnswerLayout plain{4 * d_, layout_.statistics};
  AnswerSlot slot;
  slot.values = AlignedBuffer(plain.size());
  if (rows_need_decoding()) slot.encoded = AlignedBuffer(layout_.size());
  return slot;
}

std::span<float> AnswerFormat::values(AnswerSlot& slot) const {
  return slot.values.floats(0, d_ + layout_.statistics);
}

std::span<const float> AnswerFormat::values(const AnswerSlot& slot) const {
  return slot.values.floats(0, d_ + layout_.statistics);
}

std::span<const std::byte> AnswerFormat::seal(AnswerSlot& slot, std::uint64_t step) const {
  AlignedBuffer& answer = rows_need_decoding() ? slot.encoded : slot.values;
  if (rows_need_decoding()) {
    encode_gradient(values(slot).first(d_), step, answer.bytes().first(layout_.gradient_bytes));
    const auto statistics = values(slot).subspan(d_);
    std::copy(statistics.begin(), statistics.end(),
              answer.floats(layout_.statistics_offset(), layout_.statistics).begin());
  }
  write_tally(layout_, slot.tally, answer.bytes());
  return answer.bytes();
}

const float* AnswerFormat::gradient_row(std::span<const std::byte> answer) const {
  DETOX_ASSERT(!rows_need_decoding() && answer.size() == layout_.size());
  return reinterpret_cast<const float*>(answer.data());
}

std::span<const std::byte> AnswerFormat::encoded_gradient(std::span<const std::byte> answer) const {
  DETOX_ASSERT(answer.size() >= layout_.gradient_bytes);
  return answer.first(layout_.gradient_bytes);
}

void AnswerFormat::encode_gradient(std::span<const float> gradient, std::uint64_t step,
                                   std::span<std::byte> bytes) const {
  codec_->encode(gradient, step, bytes);
}

void AnswerFormat::decode_gradient(std::span<const std::byte> answer, std::span<float> row) const {
  codec_->decode(encoded_gradient(answer), row);
}

const float* AnswerFormat::statistics_row(std::span<const std::byte> answer) const {
  return reinterpret_cast<const float*>(answer.data() + layout_.statistics_offset());
}

}  // namespace detox
