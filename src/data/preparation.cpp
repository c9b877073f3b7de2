#include "data/preparation.hpp"

#include "base/assert.hpp"

namespace detox {
namespace {

constexpr std::size_t kOutside = static_cast<std::size_t>(-1);

/// The index that lies at `position` of the padded axis; kOutside where nothing does.
std::size_t source_index(std::size_t position, std::size_t extent, Border border) {
  if (position >= kPadding && position < kPadding + extent) return position - kPadding;
  if (border != Border::kReflect) return kOutside;
  if (position < kPadding) return kPadding - position;
  return 2 * (extent - 1) - (position - kPadding);
}

}  // namespace

Augmentation draw_augmentation(const Preparation& preparation, const Key& key, std::uint64_t epoch,
                               std::size_t sample) {
  Augmentation drawn;
  if (preparation.border == Border::kNone && !preparation.flips) return drawn;
  RandomStream stream(derive_key(key, "sample", {epoch, sample}));
  if (preparation.border != Border::kNone) {
    drawn.top = stream.below(2 * kPadding + 1);
    drawn.left = stream.below(2 * kPadding + 1);
  }
  if (preparation.flips) drawn.flipped = stream.below(2) == 1;
  return drawn;
}

Preparer::Preparer(ImageShape shape, const Preparation& preparation)
    : shape_(shape), border_(preparation.border), tables_(shape.channels) {
  DETOX_ASSERT(shape.channels == 1 || shape.channels == 3);
  DETOX_ASSERT(border_ != Border::kReflect || (shape.height > kPadding && shape.width > kPadding));
  for (std::size_t channel = 0; channel < shape.channels; ++channel) {
    const float mean = preparation.mean[channel], deviation = preparation.deviation[channel];
    for (std::size_t x = 0; x < 256; ++x) {
      tables_[channel][x] = (static_cast<float>(x) / 255.0F - mean) / deviation;
    }
  }
}

void Preparer::normalise(std::span<const std::uint8_t> raw, std::span<float> out) const {
  DETOX_ASSERT(raw.size() == shape_.values() && out.size() == shape_.values());
  const std::size_t plane = shape_.height * shape_.width;
  for (std::size_t channel = 0; channel < shape_.channels; ++channel) {
    const std::array<float, 256>& table = tables_[channel];
    for (std::size_t i = channel * plane; i < (channel + 1) * plane; ++i) out[i] = table[raw[i]];
  }
}

void Preparer::augment(std::span<const std::uint8_t> raw, const Augmentation& augmentation,
                       std::span<float> out) const {
  DETOX_ASSERT(raw.size() == shape_.values() && out.size() == shape_.values());
  DETOX_ASSERT(augmentation.top <= 2 * kPadding && augmentation.left <= 2 * kPadding);
  const std::size_t height = shape_.height, width = shape_.width;
  std::vector<std::size_t> columns(width);
  for (std::size_t x = 0; x < width; ++x) {
    const std::size_t in_window = augmentation.flipped ? width - 1 - x : x;
    columns[x] = source_index(augmentation.left + in_window, width, border_);
  }
  float* to = out.data();
  for (std::size_t channel = 0; channel < shape_.channels; ++channel) {
    const std::array<float, 256>& table = tables_[channel];
    for (std::size_t y = 0; y < height; ++y) {
      const std::size_t row = source_index(augmentation.top + y, height, border_);
      const std::size_t from = (channel * height + row) * width;
      for (std::size_t x = 0; x < width; ++x) {
        const bool inside = row != kOutside && columns[x] != kOutside;
        *to++ = table[inside ? raw[from + columns[x]] : 0];
      }
    }
  }
}

}  // namespace detox
