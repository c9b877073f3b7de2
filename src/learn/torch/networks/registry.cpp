#include "learn/torch/networks/registry.hpp"

#include <algorithm>
#include <iterator>

#include "base/assert.hpp"

namespace detox {
namespace {

constexpr auto kFirst = MemoryLayout::kChannelsFirst;
constexpr auto kLast = MemoryLayout::kChannelsLast;

constexpr NetworkEntry kEntries[] = {
#define NETWORK(NAME, SUMMARY, PAPER, MAKER, LAYOUT, DEPTH) \
  NetworkEntry{.name = (NAME), .make = (MAKER), .memory_layout = (LAYOUT), .depth = (DEPTH)},
#include "learn/networks.def"
#undef NETWORK
};

}  // namespace

const NetworkEntry& find_network_entry(std::string_view name) {
  const std::string_view exact = find_network(name).name;
  const auto* entry = std::ranges::find(kEntries, exact, &NetworkEntry::name);
  DETOX_ASSERT(entry != std::end(kEntries));
  return *entry;
}

}  // namespace detox
