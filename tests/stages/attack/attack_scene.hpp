// Honest values to attack, and a short way to attack them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "detox/aggregator.hpp"
#include "stages/attack/attack.hpp"

namespace detox {

using Values = std::vector<float>;

/// n honest rows of d standard normal values times `spread` plus `offset`.
inline std::vector<Values> honest_rows(std::size_t n, std::size_t d, float offset = 0,
                                       float spread = 1) {
  std::vector<Values> rows(n, Values(d));
  RandomStream stream(derive_key(key_from_seed(7), "honest", {n, d}));
  for (Values& row : rows) {
    stream.fill_normal(row);
    for (float& value : row) value = offset + spread * value;
  }
  return rows;
}

/// What the colluders of one slice send.
struct AttackScene {
  std::vector<Values> honest;
  std::uint64_t step = 1;
  std::size_t slice = 0;
  std::size_t rows = 15, corrupted = 2;
  std::uint64_t seed = 428;
  std::vector<std::uint32_t> owned = {0};
  std::function<bool(const Rows<float>&, std::span<float>)> defence = {};  ///< else coord-median

  Values run(std::string_view name, const AttackOptions& options, std::size_t threads = 1) const {
    const auto attack = find_attack(name).make(options);
    std::vector<const float*> pointers;
    for (const Values& row : honest) pointers.push_back(row.data());
    AttackInput input;
    input.step = step;
    input.slice = slice;
    input.rows = rows;
    input.corrupted = corrupted;
    input.key = key_from_seed(seed);
    const std::size_t d = honest.front().size();
    // What an attack does not ask for it does not get.
    input.own = honest[slice];
    if (attack->needs_all_slices()) input.honest = Rows<float>{pointers, d};
    Values out(d, -12345.0F);
    ThreadPool pool(threads);
    Workspace workspace;
    const auto median = make_aggregator("coord-median", {});
    KnownDefence known{d, defence};
    if (!defence) {
      known.aggregate = [&](const Rows<float>& all, std::span<float> gradient) {
        AggregationContext context{pool, workspace, step};
        median->aggregate(all, gradient, context);
        return true;
      };
    }
    input.owned = owned;
    if (attack->probes_defence()) input.defence = &known;
    attack->corrupt(input, out, pool);
    return out;
  }
};

}  // namespace detox
