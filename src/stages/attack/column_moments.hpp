// Mean and deviation of the honest values, coordinate by coordinate, for the attacks that need
// them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "detox/rows.hpp"
#include "detox/thread_pool.hpp"
#include "kernels/moments.hpp"

namespace detox {

/// Of the coordinates [begin, begin + mean.size()).
struct ColumnMoments {
  std::size_t block;  ///< number of the part, from 0
  std::size_t begin;
  std::span<const double> mean, deviation;
};

inline constexpr std::size_t kMomentColumns = 1024;
constexpr std::size_t moment_blocks(std::size_t d) {
  return (d + kMomentColumns - 1) / kMomentColumns;
}

/// Runs work(moments) for consecutive parts of the first d coordinates in parallel.
template <class Work>
void for_column_moments(const Rows<float>& rows, std::size_t d, ThreadPool& pool,
                        const Work& work) {
  pool.parallel_for(moment_blocks(d), [&](std::size_t block, std::size_t) {
    std::array<double, kMomentColumns> mean, deviation;
    const std::size_t begin = block * kMomentColumns, count = std::min(kMomentColumns, d - begin);
    const std::span<double> means(mean.data(), count), deviations(deviation.data(), count);
    column_moments(rows, begin, means, deviations);
    work(ColumnMoments{block, begin, means, deviations});
  });
}

}  // namespace detox
