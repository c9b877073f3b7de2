#include "stages/assign/placement.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/assert.hpp"

namespace detox {
namespace {

Assignment place(const std::vector<std::uint32_t>& order, std::size_t slices) {
  DETOX_ASSERT(slices >= 1 && slices <= order.size());
  Assignment assignment;
  assignment.slice_of_worker.resize(order.size());
  assignment.workers_of_slice.resize(slices);
  std::size_t next = 0;
  for (std::size_t slice = 0; slice < slices; ++slice) {
    const std::size_t size = order.size() / slices + (slice < order.size() % slices ? 1 : 0);
    auto& group = assignment.workers_of_slice[slice];
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint32_t worker = order[next++];
      group.push_back(worker);
      assignment.slice_of_worker[worker] = static_cast<std::uint32_t>(slice);
    }
    std::sort(group.begin(), group.end());
  }
  return assignment;
}

std::vector<std::uint32_t> ranks(std::size_t workers) {
  std::vector<std::uint32_t> order(workers);
  std::iota(order.begin(), order.end(), 0U);
  return order;
}

double log_choose(std::size_t n, std::size_t k) {
  const auto log_factorial = [](std::size_t m) {
    return std::lgamma(static_cast<double>(m) + 1.0);
  };
  return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

}  // namespace

Assignment fixed_placement(std::size_t workers, std::size_t slices) {
  return place(ranks(workers), slices);
}

Assignment random_placement(std::size_t workers, std::size_t slices, const Key& key,
                            std::uint64_t step) {
  std::vector<std::uint32_t> order = ranks(workers);
  RandomStream(derive_key(key, "step", {step})).shuffle(order);
  return place(order, slices);
}

std::size_t effective_corruption(std::size_t q, std::size_t group_size) {
  return q / ((group_size + 1) / 2);
}

double expected_corrupted_slices(std::size_t workers, std::size_t q, std::size_t group_size) {
  double sum = 0;
  for (std::size_t i = (group_size + 1) / 2; i <= std::min(q, group_size); ++i) {
    if (group_size - i > workers - q) continue;
    sum += std::exp(log_choose(q, i) + log_choose(workers - q, group_size - i) -
                    log_choose(workers, group_size));
  }
  return static_cast<double>(workers) / static_cast<double>(group_size) * sum;
}

}  // namespace detox
