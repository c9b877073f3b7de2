// Step "assign" where an arbiter decides about what differs: so many copies of every slice, one
// more of some, dealt to those who are there. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assignment.hpp"
#include "detox/random.hpp"

namespace detox {

struct Dealing {
  std::size_t workers = 0, slices = 0;  ///< P, k
  std::size_t copies = 1;               ///< c of every slice
  double audit_rate = 0;                ///< p: of so many slices one copy more, on average
  std::size_t q = 0;                    ///< liars

  std::size_t most_audits() const;
  /// Orders of a worker, at the most, while all are there: L.
  std::size_t orders_each() const;
  /// f = floor(q L / c): slices that q workers can own, where all are there.
  std::size_t f() const { return rows_owned(q * orders_each()); }
  /// Slices of which all copies are among so many orders.
  std::size_t rows_owned(std::size_t orders) const { return orders / copies; }
};

/// Deals the orders of step t among the workers who are not `away`, `out` of whom are known to be
/// liars: all that a worker sees of its orders is distributed the same whether a slice of them has
/// a copy more or not, but for what follows from no worker having two copies of one slice. Those of
/// a slice are in the order drawn; its spares are all others up to `spares`. Where liars that are
/// left could own more than f slices, because those who are away are too many, fewer slices get a
/// copy more; where that does not help, some slices get no worker at all.
Assignment deal(const Dealing& dealing, const std::vector<bool>& away, std::size_t out,
                std::size_t spares, const Key& key, std::uint64_t step);

/// The most orders that any so many workers hold together.
std::size_t most_orders(std::vector<std::size_t> orders, std::size_t workers);

}  // namespace detox
