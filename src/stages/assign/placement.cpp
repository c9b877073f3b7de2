#include "stages/assign/placement.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/assert.hpp"

namespace detox {
namespace {

using Lists = std::vector<std::vector<std::uint32_t>>;

Lists own_groups(const std::vector<std::uint32_t>& order, std::size_t slices) {
  Lists lists(slices);
  auto next = order.begin();
  for (std::size_t slice = 0; slice < slices; ++slice) {
    const std::size_t size = order.size() / slices + (slice < order.size() % slices ? 1 : 0);
    const auto end = next + static_cast<std::ptrdiff_t>(size);
    lists[slice].assign(next, end);
    next = end;
  }
  return lists;
}

/// The c-th workers of all slices are the next k of the order, which begins anew at its end. After
/// a whole number of rounds it would give each slice the workers that it has: from there on it is
/// one further.
Lists overlapping_groups(const std::vector<std::uint32_t>& order, const Seating& seating) {
  const auto [workers, slices, r] = seating;
  const std::size_t rounds = workers / std::gcd(workers, slices);
  Lists lists(slices);
  for (std::size_t c = 0; c < r; ++c) {
    const std::size_t first = (c % rounds) * slices + c / rounds;
    for (std::size_t slice = 0; slice < slices; ++slice)
      lists[slice].push_back(order[(first + slice) % workers]);
  }
  return lists;
}

Assignment place(const std::vector<std::uint32_t>& order, const Seating& seating) {
  DETOX_ASSERT(seating.slices >= 1 && seating.slices <= order.size() && seating.r <= order.size());
  Lists lists =
      seating.overlaps() ? overlapping_groups(order, seating) : own_groups(order, seating.slices);
  for (std::vector<std::uint32_t>& list : lists) {
    if (!seating.overlaps()) std::ranges::sort(list);
  }
  return assignment_of(std::move(lists), order.size());
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

Assignment fixed_placement(const Seating& seating) {
  return place(ranks(seating.workers), seating);
}

Assignment random_placement(const Seating& seating, const Key& key, std::uint64_t step) {
  std::vector<std::uint32_t> order = ranks(seating.workers);
  RandomStream(derive_key(key, "step", {step})).shuffle(order);
  return place(order, seating);
}

void draw_order(Assignment& assignment, const Key& key, std::uint64_t step) {
  RandomStream stream(derive_key(key, "order", {step}));
  const bool overlaps = std::ranges::any_of(assignment.slices_of_worker,
                                            [](const auto& slices) { return slices.size() > 1; });
  if (!overlaps) {
    for (std::vector<std::uint32_t>& list : assignment.workers_of_slice) stream.shuffle(list);
    return;
  }
  std::vector<std::uint32_t> columns = ranks(assignment.workers_of_slice.front().size());
  stream.shuffle(columns);
  for (std::vector<std::uint32_t>& list : assignment.workers_of_slice) {
    const std::vector<std::uint32_t> before = list;
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = before[columns[i]];
  }
}

std::size_t effective_corruption(std::size_t q, std::size_t group_size, std::size_t lists) {
  return q * lists / (group_size / 2 + 1);
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
