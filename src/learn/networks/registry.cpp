// The explicit list of networks: one line each, sorted by name.
#include "learn/networks/registry.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"
#include "base/names.hpp"

namespace detox {
namespace {

constexpr std::array kEntries{
    NetworkEntry{
        {"FC", "three fully connected layers of 800, 500 and as many values as there are classes",
         "Rajput et al., DETOX, NeurIPS 2019, arXiv 1907.12205 (the code that came with it)"},
        make_fc},
    NetworkEntry{{"LeNet", "two convolutions and two fully connected layers, for images of 28x28",
                  "LeCun et al., Gradient-based learning applied to document recognition, Proc. "
                  "IEEE 86, 1998"},
                 make_lenet},
};

constexpr auto kInfos = [] {
  std::array<NetworkInfo, kEntries.size()> infos;
  std::transform(kEntries.begin(), kEntries.end(), infos.begin(),
                 [](const NetworkEntry& entry) { return entry.info; });
  return infos;
}();

}  // namespace

std::span<const NetworkInfo> networks() { return kInfos; }

const NetworkInfo& find_network(std::string_view name) {
  return find_by_name("network", name, networks());
}

const NetworkEntry& find_network_entry(std::string_view name) {
  const std::string_view exact = find_network(name).name;
  const auto* entry = std::find_if(kEntries.begin(), kEntries.end(),
                                   [&](const NetworkEntry& e) { return e.info.name == exact; });
  DETOX_ASSERT(entry != kEntries.end());
  return *entry;
}

}  // namespace detox
