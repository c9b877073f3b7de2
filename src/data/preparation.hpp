// From raw bytes to the values that a network sees: normalisation, and on the training split
// augmentation.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/dataset.hpp"

namespace detox {

/// What lies around an image when a window is cut out of it.
enum class Border {
  kNone,     ///< no window: the image as it is
  kZero,     ///< raw 0, before normalisation, as torchvision pads
  kReflect,  ///< mirrored at the outermost pixel, which is not repeated
};

/// x -> (x / 255 - mean) / deviation by channel, in float32 as PyTorch does it.
struct Preparation {
  std::array<float, 3> mean{}, deviation{};  ///< the first of them for grey images
  Border border = Border::kNone;             ///< else a window of the image's size, kPadding around
  bool flips = false;                        ///< left to right, every other time
};

/// For images of which nothing is known: values become x / 127.5 - 1.
inline constexpr Preparation kPlainPreparation{
    {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}, Border::kNone, false};

inline constexpr std::size_t kPadding = 4;

/// The random decisions for one sample: where the window's corner lies in the padded image, in
/// [0, 2 * kPadding], and whether it is flipped.
struct Augmentation {
  std::size_t top = kPadding, left = kPadding;
  bool flipped = false;
  bool operator==(const Augmentation&) const = default;
};

/// Pure: the stream of derive_key(key, "sample", {epoch, sample}) gives top, left and flip, in this
/// order; what the preparation does not ask for is not drawn.
Augmentation draw_augmentation(const Preparation& preparation, const Key& key, std::uint64_t epoch,
                               std::size_t sample);

/// Immutable; any thread may call it.
class Preparer {
 public:
  /// Shapes of 1 or 3 channels; sides above kPadding where there is a border to reflect.
  Preparer(ImageShape shape, const Preparation& preparation);

  /// The whole image, normalised.
  void normalise(std::span<const std::uint8_t> raw, std::span<float> out) const;
  /// The window that the augmentation says, normalised. Microseconds for 3 x 32 x 32.
  void augment(std::span<const std::uint8_t> raw, const Augmentation& augmentation,
               std::span<float> out) const;

 private:
  ImageShape shape_;
  Border border_;
  std::vector<std::array<float, 256>> tables_;  ///< one a channel
};

}  // namespace detox
