#include "data/resize.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "base/assert.hpp"

namespace detox {
namespace {

/// The old pixels that make up a new one: their weights sum to the axis's total.
struct Taps {
  std::size_t first = 0;
  std::vector<std::uint64_t> weights;
};

struct Axis {
  std::vector<Taps> taps;  ///< one for each new pixel that is kept
  std::uint64_t total = 0;
};

/// New pixel i of `scaled` covers [i, i + 1) * extent of a ruler on which an old one is `scaled`
/// long.
Taps area_taps(std::size_t i, std::size_t extent, std::size_t scaled) {
  const std::uint64_t begin = std::uint64_t{i} * extent, end = begin + extent;
  Taps taps{static_cast<std::size_t>(begin / scaled), {}};
  for (std::uint64_t j = taps.first; j * scaled < end; ++j) {
    taps.weights.push_back(std::min(end, (j + 1) * scaled) - std::max(begin, j * scaled));
  }
  return taps;
}

/// Its centre lies at ((2i + 1) * extent - scaled) / (2 * scaled) between the centres of old
/// pixels.
Taps linear_taps(std::size_t i, std::size_t extent, std::size_t scaled) {
  const std::uint64_t unit = 2 * std::uint64_t{scaled};
  const std::uint64_t centre = (2 * std::uint64_t{i} + 1) * extent;
  if (centre <= scaled) return {0, {unit}};
  const std::uint64_t position = centre - scaled;
  const auto left = static_cast<std::size_t>(position / unit);
  if (left + 1 >= extent) return {extent - 1, {unit}};
  return {left, {unit - position % unit, position % unit}};
}

Axis make_axis(std::size_t extent, std::size_t shorter, std::size_t side) {
  const std::size_t scaled = extent == shorter ? side : side * extent / shorter;
  const std::size_t offset = (scaled - side) / 2;
  const bool shrinks = scaled <= extent;
  Axis axis;
  axis.total = shrinks ? extent : 2 * std::uint64_t{scaled};
  for (std::size_t i = offset; i < offset + side; ++i) {
    axis.taps.push_back(shrinks ? area_taps(i, extent, scaled) : linear_taps(i, extent, scaled));
  }
  return axis;
}

/// Old rows, resized along x. Successive new rows need each old row at most twice, and next to each
/// other, so that the last two suffice.
class Rows {
 public:
  Rows(const RgbImage& image, const Axis& columns) : image_(image), columns_(columns) {
    for (auto& values : values_) values.resize(3 * columns.taps.size());
  }

  const std::vector<std::uint64_t>& row(std::size_t y) {
    std::vector<std::uint64_t>& values = values_[y % 2];
    if (held_[y % 2] == y) return values;
    held_[y % 2] = y;
    const std::uint8_t* from = image_.values.data() + 3 * image_.width * y;
    for (std::size_t x = 0; x < columns_.taps.size(); ++x) {
      const Taps& taps = columns_.taps[x];
      std::array<std::uint64_t, 3> sum{};
      const std::uint8_t* pixel = from + 3 * taps.first;
      for (const std::uint64_t weight : taps.weights) {
        for (std::uint64_t& s : sum) s += weight * *pixel++;
      }
      std::copy(sum.begin(), sum.end(), values.begin() + static_cast<std::ptrdiff_t>(3 * x));
    }
    return values;
  }

 private:
  const RgbImage& image_;
  const Axis& columns_;
  std::array<std::vector<std::uint64_t>, 2> values_;
  std::array<std::size_t, 2> held_ = {std::numeric_limits<std::size_t>::max(),
                                      std::numeric_limits<std::size_t>::max()};
};

}  // namespace

void resize_to_square(const RgbImage& image, std::size_t side, std::span<std::uint8_t> out) {
  DETOX_ASSERT(image.width > 0 && image.height > 0 && side > 0);
  DETOX_ASSERT(image.values.size() == 3 * image.width * image.height);
  DETOX_ASSERT(out.size() == 3 * side * side);
  const std::size_t shorter = std::min(image.width, image.height);
  const Axis columns = make_axis(image.width, shorter, side);
  const Axis rows = make_axis(image.height, shorter, side);
  const std::uint64_t total = columns.total * rows.total;
  Rows resized(image, columns);
  std::vector<std::uint64_t> sums(3 * side);
  for (std::size_t y = 0; y < side; ++y) {
    std::fill(sums.begin(), sums.end(), 0);
    std::size_t from = rows.taps[y].first;
    for (const std::uint64_t weight : rows.taps[y].weights) {
      const std::vector<std::uint64_t>& row = resized.row(from++);
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += weight * row[i];
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const std::size_t channel = i % 3, x = i / 3;
      out[(channel * side + y) * side + x] =
          static_cast<std::uint8_t>((sums[i] + total / 2) / total);
    }
  }
}

}  // namespace detox
