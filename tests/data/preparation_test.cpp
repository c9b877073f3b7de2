// Augmentation against an independent reference: the padded image is built in full, as torchvision
// does it, then cropped, then flipped, then normalised.
#include "data/preparation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <thread>

#include "data/image_dataset.hpp"

namespace detox {
namespace {

constexpr ImageShape kShape{3, 32, 32};
constexpr Preparation kCifar{{125.3F / 255, 123.0F / 255, 113.9F / 255},
                             {63.0F / 255, 62.1F / 255, 66.7F / 255},
                             Border::kReflect,
                             true};
constexpr Preparation kSvhn{
    {0.4914F, 0.4822F, 0.4465F}, {0.2023F, 0.1994F, 0.2010F}, Border::kZero, false};

using Plane = std::vector<std::vector<int>>;

/// numpy.pad(plane, 4, "reflect" or "constant").
Plane padded(const Plane& plane, bool reflect) {
  const int height = static_cast<int>(plane.size()), width = static_cast<int>(plane[0].size());
  const auto mirrored = [](int i, int extent) {
    if (i < 0) return -i;
    return i < extent ? i : 2 * extent - 2 - i;
  };
  Plane out;
  for (int y = -4; y < height + 4; ++y) {
    std::vector<int> row;
    for (int x = -4; x < width + 4; ++x) {
      const bool inside = y >= 0 && y < height && x >= 0 && x < width;
      const auto from_y = static_cast<std::size_t>(mirrored(y, height));
      const auto from_x = static_cast<std::size_t>(mirrored(x, width));
      row.push_back(inside || reflect ? plane[from_y][from_x] : 0);
    }
    out.push_back(row);
  }
  return out;
}

std::vector<double> reference(const std::vector<std::uint8_t>& raw, ImageShape shape,
                              const Preparation& preparation, const Augmentation& drawn) {
  std::vector<double> out;
  for (std::size_t c = 0; c < shape.channels; ++c) {
    Plane plane(shape.height, std::vector<int>(shape.width));
    for (std::size_t y = 0; y < shape.height; ++y) {
      for (std::size_t x = 0; x < shape.width; ++x) {
        plane[y][x] = raw[c * shape.height * shape.width + y * shape.width + x];
      }
    }
    const Plane large = padded(plane, preparation.border == Border::kReflect);
    for (std::size_t y = 0; y < shape.height; ++y) {
      const auto begin = large[drawn.top + y].begin() + static_cast<std::ptrdiff_t>(drawn.left);
      std::vector<int> row(begin, begin + static_cast<std::ptrdiff_t>(shape.width));
      if (drawn.flipped) std::reverse(row.begin(), row.end());
      for (const int x : row) {
        out.push_back((x / 255.0 - static_cast<double>(preparation.mean[c])) /
                      static_cast<double>(preparation.deviation[c]));
      }
    }
  }
  return out;
}

std::vector<std::uint8_t> noise(ImageShape shape, std::uint64_t seed) {
  RandomStream stream(key_from_seed(seed));
  std::vector<std::uint8_t> raw(shape.values());
  for (auto& x : raw) x = static_cast<std::uint8_t>(stream.below(256));
  return raw;
}

TEST(Preparation, AugmentsAsPaddingCroppingAndFlippingDo) {
  for (const ImageShape shape : {kShape, ImageShape{1, 5, 7}, ImageShape{3, 28, 6}}) {
    const auto raw = noise(shape, 1);
    for (const Preparation& preparation : {kCifar, kSvhn}) {
      const Preparer preparer(shape, preparation);
      std::vector<float> out(shape.values());
      for (std::size_t top = 0; top <= 8; ++top) {
        for (std::size_t left = 0; left <= 8; ++left) {
          for (const bool flipped : {false, true}) {
            const Augmentation drawn{top, left, flipped};
            preparer.augment(raw, drawn, out);
            const auto expected = reference(raw, shape, preparation, drawn);
            for (std::size_t i = 0; i < out.size(); ++i) {
              ASSERT_NEAR(out[i], expected[i], 2e-6) << top << ' ' << left << ' ' << i;
            }
          }
        }
      }
    }
  }
}

TEST(Preparation, LeavesTheImageWhereTheWindowIsInTheMiddle) {
  const auto raw = noise(kShape, 2);
  const Preparer preparer(kShape, kCifar);
  std::vector<float> plain(kShape.values()), augmented(kShape.values());
  preparer.normalise(raw, plain);
  preparer.augment(raw, Augmentation{}, augmented);
  EXPECT_EQ(plain, augmented);
}

/// Pearson's statistic of equally likely outcomes.
double chi_square(const std::vector<std::size_t>& counts) {
  double total = 0, sum = 0;
  for (const std::size_t count : counts) total += static_cast<double>(count);
  const double expected = total / static_cast<double>(counts.size());
  for (const std::size_t count : counts) {
    sum += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected);
  }
  return sum / expected;
}

TEST(Preparation, DrawsEveryWindowAndFlipEquallyOften) {
  std::vector<std::size_t> counts(162), windows(81);
  const Key key = key_from_seed(3);
  for (std::size_t sample = 0; sample < 40'500; ++sample) {
    const Augmentation drawn = draw_augmentation(kCifar, key, sample % 5, sample);
    ++counts[(drawn.top * 9 + drawn.left) * 2 + (drawn.flipped ? 1 : 0)];
    const Augmentation shifted = draw_augmentation(kSvhn, key, sample % 5, sample);
    EXPECT_FALSE(shifted.flipped);
    ++windows[shifted.top * 9 + shifted.left];
  }
  // Beyond these lie one in a million of 161 and of 80 degrees of freedom.
  EXPECT_LT(chi_square(counts), 257);
  EXPECT_LT(chi_square(windows), 152);
}

TEST(Preparation, DependsOnKeyEpochAndSampleAlone) {
  std::set<std::vector<std::size_t>> seen;
  const auto draw_64 = [](const Key& key, std::uint64_t epoch) {
    std::vector<std::size_t> all;
    for (std::size_t sample = 0; sample < 64; ++sample) {
      const Augmentation drawn = draw_augmentation(kCifar, key, epoch, sample);
      EXPECT_EQ(drawn, draw_augmentation(kCifar, key, epoch, sample));
      all.insert(all.end(), {drawn.top, drawn.left, drawn.flipped ? 1U : 0U});
    }
    return all;
  };
  for (const std::uint64_t seed : {1, 2}) {
    for (const std::uint64_t epoch : {0, 1, 2}) seen.insert(draw_64(key_from_seed(seed), epoch));
  }
  EXPECT_EQ(seen.size(), 6U);
}

class AugmentedDataset : public testing::Test {
 protected:
  static std::unique_ptr<Dataset> make(bool augments) {
    LabelledImages images;
    for (std::size_t sample = 0; sample < kSamples; ++sample) {
      const auto raw = noise(kShape, sample);
      images.pixels.insert(images.pixels.end(), raw.begin(), raw.end());
      images.labels.push_back(0);
    }
    return make_image_dataset({.name = "noise",
                               .shape = kShape,
                               .class_names = {"only"},
                               .preparation = kCifar,
                               .augments = augments},
                              std::move(images));
  }
  static std::vector<float> read(const Dataset& data, std::size_t sample, std::uint64_t epoch) {
    std::vector<float> out(kShape.values());
    data.read(sample, epoch, key_from_seed(9), out);
    return out;
  }
  static constexpr std::size_t kSamples = 20;
};

TEST_F(AugmentedDataset, GivesTheSameBytesInAnyOrderAndOnAnyThread) {
  const auto data = make(true), again = make(true);
  std::vector<std::vector<float>> forward(kSamples), backward(kSamples);
  for (std::size_t i = 0; i < kSamples; ++i) forward[i] = read(*data, i, 4);
  std::vector<std::thread> threads;
  for (std::size_t first = 0; first < 4; ++first) {
    threads.emplace_back([&, first] {
      for (std::size_t i = kSamples - 1 - first; i < kSamples; i -= 4) {
        read(*again, i, 3);
        backward[i] = read(*again, i, 4);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(forward, backward);
  EXPECT_NE(forward, [&] {
    std::vector<std::vector<float>> other(kSamples);
    for (std::size_t i = 0; i < kSamples; ++i) other[i] = read(*data, i, 5);
    return other;
  }());
}

TEST_F(AugmentedDataset, IsLeftAloneForTheTestSplit) {
  const auto data = make(false);
  EXPECT_EQ(read(*data, 0, 0), read(*data, 0, 1));
  std::vector<float> plain(kShape.values());
  Preparer(kShape, kCifar).normalise(noise(kShape, 0), plain);
  EXPECT_EQ(read(*data, 0, 0), plain);
}

}  // namespace
}  // namespace detox
