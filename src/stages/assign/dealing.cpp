#include "stages/assign/dealing.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "base/assert.hpp"

namespace detox {
namespace {

constexpr std::size_t kMostDeals = 64;

/// Numbers below n in random order.
std::vector<std::uint32_t> drawn_order(std::size_t n, RandomStream& stream) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  stream.shuffle(order);
  return order;
}

/// floor(mean), or one more, so that it is `mean` on average.
std::size_t drawn_count(double mean, RandomStream& stream) {
  const double whole = std::floor(mean);
  return static_cast<std::size_t>(whole) + (stream.uniform() < mean - whole ? 1 : 0);
}

/// Dealt evenly to so many workers, what this many of them hold at the most.
std::size_t held_at_most(std::size_t orders, std::size_t workers, std::size_t of) {
  return of * (orders / workers) + std::min(of, orders % workers);
}

/// How many slices are computed in a step, and of how many there is a copy more.
struct Volume {
  std::size_t slices, audits;
};

Volume affordable(const Dealing& dealing, std::size_t audits, std::size_t there, std::size_t out) {
  Volume volume{dealing.slices, audits};
  if (there <= dealing.copies) volume.audits = 0;
  if (there < dealing.copies) return {0, 0};
  const std::size_t liars = dealing.q - std::min(dealing.q, out);
  const std::size_t f = dealing.f();
  while (volume.slices > 0) {
    const std::size_t orders = volume.slices * dealing.copies + volume.audits;
    const bool fits = (orders + there - 1) / there <= volume.slices;  // none has two of a slice
    if (fits && dealing.rows_owned(held_at_most(orders, there, liars)) <= f) break;
    --(volume.audits > 0 ? volume.audits : volume.slices);
  }
  volume.audits = std::min(volume.audits, volume.slices);
  return volume;
}

bool has_two_of_a_slice(const std::vector<std::uint32_t>& orders, std::size_t place,
                        std::size_t there) {
  for (std::size_t other = place % there; other < orders.size(); other += there) {
    if (other != place && orders[other] == orders[place]) return true;
  }
  return false;
}

bool fits(const std::vector<std::uint32_t>& orders, std::size_t there) {
  for (std::size_t place = there; place < orders.size(); ++place) {
    if (has_two_of_a_slice(orders, place, there)) return false;
  }
  return true;
}

/// Slices in the order in which workers 0, 1, 2 … and again 0, 1 … get them, none twice to one:
/// drawn anew until it is so, and where that takes too long, by exchanges.
std::vector<std::uint32_t> drawn_orders(std::vector<std::uint32_t> orders, std::size_t there,
                                        RandomStream& stream) {
  for (std::size_t deal = 0; deal < kMostDeals; ++deal) {
    stream.shuffle(orders);
    if (fits(orders, there)) return orders;
  }
  for (std::size_t place = 0; place < orders.size(); ++place) {
    for (std::size_t other = 0; other < orders.size() && has_two_of_a_slice(orders, place, there);
         ++other) {
      std::swap(orders[place], orders[other]);
      if (has_two_of_a_slice(orders, place, there) || has_two_of_a_slice(orders, other, there))
        std::swap(orders[place], orders[other]);
    }
  }
  return orders;
}

std::vector<std::uint32_t> drawn_spares(const std::vector<std::uint32_t>& there,
                                        const std::vector<std::uint32_t>& own, std::size_t count,
                                        RandomStream& stream) {
  std::vector<std::uint32_t> others;
  others.reserve(there.size());
  for (const std::uint32_t worker : there) {
    if (std::ranges::find(own, worker) == own.end()) others.push_back(worker);
  }
  stream.shuffle(others);
  others.resize(std::min(others.size(), count));
  return others;
}

}  // namespace

std::size_t Dealing::most_audits() const {
  return static_cast<std::size_t>(std::ceil(audit_rate * static_cast<double>(slices)));
}

std::size_t Dealing::orders_each() const {
  return (slices * copies + most_audits() + workers - 1) / std::max<std::size_t>(1, workers);
}

Assignment deal(const Dealing& dealing, const std::vector<bool>& away, std::size_t out,
                std::size_t spares, const Key& key, std::uint64_t step) {
  RandomStream stream(derive_key(key, "deal", {step}));
  std::vector<std::uint32_t> there;
  for (const std::uint32_t worker : drawn_order(dealing.workers, stream)) {
    if (!away[worker]) there.push_back(worker);
  }
  const std::size_t wanted =
      drawn_count(dealing.audit_rate * static_cast<double>(dealing.slices), stream);
  const Volume volume = affordable(dealing, wanted, there.size(), out);
  std::vector<std::uint32_t> orders;
  const std::vector<std::uint32_t> slices = drawn_order(dealing.slices, stream);
  for (std::size_t i = 0; i < volume.slices; ++i)
    orders.insert(orders.end(), dealing.copies + (i < volume.audits ? 1 : 0), slices[i]);
  orders = drawn_orders(std::move(orders), there.size(), stream);

  std::vector<std::vector<std::uint32_t>> lists(dealing.slices);
  for (std::size_t place = 0; place < orders.size(); ++place) {
    if (!has_two_of_a_slice(orders, place, there.size()))
      lists[orders[place]].push_back(there[place % there.size()]);
  }
  for (std::vector<std::uint32_t>& list : lists) {
    if (list.size() < dealing.copies) list.clear();
  }
  std::vector<std::vector<std::uint32_t>> spare_lists(dealing.slices);
  for (std::size_t slice = 0; slice < dealing.slices; ++slice) {
    if (!lists[slice].empty())
      spare_lists[slice] = drawn_spares(there, lists[slice], spares, stream);
  }
  Assignment assignment = assignment_of(std::move(lists), dealing.workers);
  assignment.spares_of_slice = std::move(spare_lists);
  return assignment;
}

std::size_t most_orders(std::vector<std::size_t> orders, std::size_t workers) {
  std::ranges::sort(orders, std::greater<>());
  orders.resize(std::min(orders.size(), workers));
  return std::accumulate(orders.begin(), orders.end(), std::size_t{0});
}

}  // namespace detox
