// Which numbered blocks of the caller's workspace the rules use: [0, kAggregateSlots). A workspace
// that other stages use as well gives them higher numbers.
#pragma once

#include <cstddef>

namespace detox {

struct AggregateSlot {
  static constexpr std::size_t kNetwork = 0;      ///< comparators of the sorting network
  static constexpr std::size_t kFlags = 1;        ///< one flag a row
  static constexpr std::size_t kSortTiles = 2;    ///< one tile a thread
  static constexpr std::size_t kPartialSums = 3;  ///< n (n + 1) / 2 doubles for every 16384 columns
  static constexpr std::size_t kDistances = 4;    ///< (n, n)
  static constexpr std::size_t kNorms = 5;        ///< (n)
  static constexpr std::size_t kWeights = 6;      ///< (n)
  static constexpr std::size_t kScores = 7;       ///< (n)
  static constexpr std::size_t kOrder = 8;        ///< (n) row numbers
  static constexpr std::size_t kNeighbours = 9;   ///< (n, n) row numbers, or (n) distances
  static constexpr std::size_t kRowPointers = 10;   ///< (n)
  static constexpr std::size_t kRule = 11;          ///< a rule's own numbers
  static constexpr std::size_t kVector = 12;        ///< (d)
  static constexpr std::size_t kPointTiles = 13;    ///< mixed points, one tile a thread
  static constexpr std::size_t kTilePointers = 14;  ///< their rows
  static constexpr std::size_t kRowWeights = 15;    ///< of a combination of mixed points
  static constexpr std::size_t kMix = 16;           ///< weights of mixed points, before and after
  static constexpr std::size_t kMixGeometry = 17;   ///< their distances and norms
  static constexpr std::size_t kOwners = 18;        ///< which point stands for a row
  static constexpr std::size_t kTileSums = 20;      ///< as kPartialSums, one tile a thread
  static constexpr std::size_t kTileWeights =
      21;  ///< of one mixed point, for every thread, and of most
  static constexpr std::size_t kTileBase = 22;      ///< what most points have in common
  static constexpr std::size_t kDrawn = 23;         ///< (n, b) values of columns drawn at random
  static constexpr std::size_t kDrawnColumns = 24;  ///< (b)
  static constexpr std::size_t kRowShares = 25;     ///< the caller's weights, capped
  static constexpr std::size_t kChosen = 19;        ///< row numbers of a set that is tried
};
inline constexpr std::size_t kAggregateSlots = 26;

}  // namespace detox
