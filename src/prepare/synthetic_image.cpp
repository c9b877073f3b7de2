// Lengths are in 1/256 of a pixel, colours in 0 to 255, directions in 1/4096. Divisions round
// towards zero and shifts of negative numbers are arithmetic: C++20 defines both.
#include "prepare/synthetic_image.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/assert.hpp"

namespace detox {
namespace {

constexpr int kPixel = 256;
constexpr int kSide = static_cast<int>(kSyntheticSide);
constexpr int kDirection = 4096;
using Colour = std::array<int, 3>;

/// A point in the frame of an object: in lengths, and scaled so that the object's radius is 256.
struct Point {
  int along, across;
  int u, v;
};

int between(RandomStream& random, int lowest, int highest) {
  const int values = highest - lowest + 1;
  return lowest + static_cast<int>(random.below(static_cast<std::uint64_t>(values)));
}

int root(int square) {
  int r = 0;
  for (int bit = 1 << 15; bit > 0; bit >>= 1) {
    if ((r + bit) <= 46340 && (r + bit) * (r + bit) <= square) r += bit;
  }
  return r;
}

int square_of(int x) { return x * x; }

/// Full colour at `hue`, mixed with grey and darkened.
Colour colour_of(int hue, int saturation, int value) {
  const int part = hue % 256, sector = hue / 256 % 6;
  constexpr std::array<std::array<int, 3>, 6> kOrder = {
      {{0, 2, 1}, {3, 0, 1}, {1, 0, 2}, {1, 3, 0}, {2, 1, 0}, {0, 1, 3}}};
  const std::array<int, 4> level = {255, 0, part, 255 - part};
  Colour colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    const int full = level[static_cast<std::size_t>(kOrder[static_cast<std::size_t>(sector)][c])];
    colour[c] = value * (255 * 255 - saturation * (255 - full)) / (255 * 255);
  }
  return colour;
}

Colour any_colour(RandomStream& random) {
  const int hue = between(random, 0, kHues - 1), saturation = between(random, 40, 220);
  return colour_of(hue, saturation, between(random, 50, 235));
}

int difference(const Colour& a, const Colour& b) {
  return std::abs(a[0] - b[0]) + std::abs(a[1] - b[1]) + std::abs(a[2] - b[2]);
}

/// The shapes of kShapeNames, within about the circle of radius 256.
bool inside(std::size_t shape, int u, int v) {
  const int distance = square_of(u) + square_of(v);
  const int widest = std::max(std::abs(u), std::abs(v));
  switch (shape) {
    case 0:
      return distance < square_of(235);
    case 1:
      return widest < 205;
    case 2:
      return v < 170 && v > -250 && 2 * std::abs(u) < v + 300;
    case 3:
      return distance < square_of(250) && distance > square_of(130);
    case 4:
      return widest < 250 && std::min(std::abs(u), std::abs(v)) < 85;
    case 5:
      return std::abs(u) < 280 && std::abs(v) < 110;
    case 6:
      return square_of(std::abs(u) - 150) + square_of(v) < square_of(125) ||
             (std::abs(u) < 150 && std::abs(v) < 45);
    case 7:
      return distance < square_of(250) && square_of(u - 130) + square_of(v) > square_of(190);
    case 8:
      return (v > -240 && v < -90 && std::abs(u) < 240) ||
             (v >= -90 && v < 250 && std::abs(u) < 80);
    case 9:
      return widest < 230 && widest > 120;
    default:
      DETOX_ASSERT(false);
  }
}

struct Texture {
  std::size_t kind = 0;
  int period = 0, phase = 0;
};

int wave(int x, int period) {
  const int remainder = x % period;
  return (remainder < 0 ? remainder + period : remainder) * 2 < period ? 0 : 256;
}

/// How much of the second colour a texture of kTextureNames has at a point, of 256.
int mix_at(const Texture& texture, const Point& point, RandomStream& random) {
  const int period = texture.period;
  const int x = point.along + texture.phase, y = point.across + texture.phase;
  switch (texture.kind) {
    case 0:
      return 0;
    case 1:
      return wave(y, period);
    case 2:
      return wave(x, period);
    case 3:
      return wave(x + y, period * 3 / 2);
    case 4:
      return wave(x, 3 * period / 2) ^ wave(y, 3 * period / 2);
    case 5: {
      const int centre = period / 2;
      const int dx = (x % period + period) % period - centre;
      const int dy = (y % period + period) % period - centre;
      return square_of(dx) + square_of(dy) < square_of(period * 3 / 10) ? 256 : 0;
    }
    case 6:
      return wave(root(square_of(point.along) + square_of(point.across)), period);
    case 7:
      return std::clamp(128 + point.v / 2, 0, 256);
    case 8:
      return wave(y, 3 * period);
    case 9:
      return random.below(3) == 0 ? 256 : 0;
    default:
      DETOX_ASSERT(false);
  }
}

struct Placed {
  std::size_t shape = 0;
  int x = 0, y = 0, radius = 0, cosine = kDirection, sine = 0;
  Colour first{}, second{};
  Texture texture;
};

enum class Turn { kAnyWay, kAboutUpright };

/// Turns an object: by any angle, or by at most about 27 degrees.
void turn(Placed& object, Turn how, RandomStream& random) {
  int x = 256, y = between(random, -128, 128);
  if (how == Turn::kAnyWay) {
    do {
      x = between(random, -128, 128);
      y = between(random, -128, 128);
    } while (square_of(x) + square_of(y) > square_of(128) || square_of(x) + square_of(y) < 256);
  }
  const int length = root(square_of(x) + square_of(y));
  object.cosine = x * kDirection / length;
  object.sine = y * kDirection / length;
}

Point point_of(const Placed& object, int x, int y) {
  const int dx = x - object.x, dy = y - object.y;
  const int along = (dx * object.cosine + dy * object.sine) / kDirection;
  const int across = (dy * object.cosine - dx * object.sine) / kDirection;
  return {along, across, along * 256 / object.radius, across * 256 / object.radius};
}

using Canvas = std::array<Colour, kSyntheticSide * kSyntheticSide>;

Colour& pixel_at(Canvas& canvas, int x, int y) {
  return canvas[static_cast<std::size_t>(y) * kSyntheticSide + static_cast<std::size_t>(x)];
}

/// Four samples a pixel, so that edges are smooth.
void draw(const Placed& object, RandomStream& random, Canvas& canvas) {
  // The corners of the tee are farthest: 340 / 256 of the radius.
  const int reach = object.radius * 4 / 3;
  const auto first = [&](int at) { return std::clamp((at - reach) / kPixel, 0, kSide); };
  const auto last = [&](int at) { return std::clamp((at + reach) / kPixel + 1, 0, kSide); };
  for (int y = first(object.y); y < last(object.y); ++y) {
    for (int x = first(object.x); x < last(object.x); ++x) {
      int covered = 0, mixed = 0;
      for (int sample = 0; sample < 4; ++sample) {
        const Point point = point_of(object, x * kPixel + kPixel / 4 + sample % 2 * kPixel / 2,
                                     y * kPixel + kPixel / 4 + sample / 2 * kPixel / 2);
        if (!inside(object.shape, point.u, point.v)) continue;
        ++covered;
        mixed += mix_at(object.texture, point, random);
      }
      if (covered == 0) continue;
      Colour& pixel = pixel_at(canvas, x, y);
      for (std::size_t c = 0; c < 3; ++c) {
        const int own =
            (object.first[c] * (256 * covered - mixed) + object.second[c] * mixed) / 256;
        pixel[c] = (own + pixel[c] * (4 - covered)) / 4;
      }
    }
  }
}

void draw_background(const Colour& base, RandomStream& random, Canvas& canvas) {
  std::array<Colour, 4> corners{};
  for (Colour& corner : corners) {
    for (std::size_t c = 0; c < 3; ++c)
      corner[c] = std::clamp(base[c] + between(random, -60, 60), 0, 255);
  }
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      for (std::size_t c = 0; c < 3; ++c) {
        const int top = corners[0][c] * (kSide - x) + corners[1][c] * x;
        const int bottom = corners[2][c] * (kSide - x) + corners[3][c] * x;
        pixel_at(canvas, x, y)[c] = (top * (kSide - y) + bottom * y) / (kSide * kSide);
      }
    }
  }
}

void draw_clutter(RandomStream& random, Canvas& canvas) {
  const int pieces = between(random, 1, 4);
  for (int i = 0; i < pieces; ++i) {
    Placed piece;
    piece.shape = random.below(kShapeNames.size());
    piece.x = between(random, 0, kSide * kPixel);
    piece.y = between(random, 0, kSide * kPixel);
    piece.radius = between(random, 2 * kPixel, 5 * kPixel);
    turn(piece, Turn::kAnyWay, random);
    piece.first = any_colour(random);
    piece.second = any_colour(random);
    piece.texture = {random.below(2) == 0 ? 0 : random.below(kTextureNames.size()),
                     between(random, 3 * kPixel, 5 * kPixel), 0};
    draw(piece, random, canvas);
  }
}

Placed foreground(const SyntheticClass& what, const Colour& background, RandomStream& random) {
  constexpr int kLeastContrast = 150;
  Placed object;
  object.shape = what.shape;
  object.radius = between(random, 8 * kPixel, 13 * kPixel);
  const int margin = object.radius * 3 / 4;
  object.x = between(random, margin, kSide * kPixel - margin);
  object.y = between(random, margin, kSide * kPixel - margin);
  turn(object, Turn::kAboutUpright, random);
  do {
    const int hue = random.below(3) == 0 ? between(random, 0, kHues - 1)
                                         : what.hue + between(random, -160, 160) + kHues;
    // In this order: as arguments each compiler would draw them in its own.
    const int value = between(random, 60, 245), saturation = between(random, 60, 230);
    object.first = colour_of(hue % kHues, saturation, value);
  } while (difference(object.first, background) < kLeastContrast);
  do {
    object.second = any_colour(random);
  } while (difference(object.first, object.second) < kLeastContrast);
  object.texture = {what.texture, between(random, 4 * kPixel, 5 * kPixel + kPixel / 2),
                    between(random, 0, 8 * kPixel)};
  return object;
}

/// Light, and noise of deviation about 10: the sum of four uniform bytes, scaled.
void develop(const Canvas& canvas, RandomStream& random,
             std::span<std::uint8_t, kSyntheticPixels> image) {
  const int gain = between(random, 180, 280), lift = between(random, -25, 25);
  constexpr std::size_t kPlane = kSyntheticSide * kSyntheticSide;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < kPlane; i += 2) {
      const std::uint64_t bits = random.next();
      for (std::size_t j = 0; j < 2; ++j) {
        int noise = -510;
        for (std::size_t k = 0; k < 4; ++k)
          noise += static_cast<int>(bits >> (8 * (4 * j + k)) & 255U);
        const int value = (canvas[i + j][c] - 128) * gain / 256 + 128 + lift + noise / 13;
        image[c * kPlane + i + j] = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
      }
    }
  }
}

}  // namespace

void paint_synthetic(const SyntheticClass& what, RandomStream& random,
                     std::span<std::uint8_t, kSyntheticPixels> image) {
  Canvas canvas{};
  const Colour background = any_colour(random);
  draw_background(background, random, canvas);
  draw_clutter(random, canvas);
  draw(foreground(what, background, random), random, canvas);
  develop(canvas, random, image);
}

}  // namespace detox
