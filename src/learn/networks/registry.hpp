// The networks that can be made, without a libtorch header.
#pragma once

#include <cstddef>
#include <memory>

#include "detox/dataset.hpp"
#include "detox/learner.hpp"

namespace detox {

class Network;

/// One line of the registry. make throws UsageError where the network cannot take images of this
/// shape.
struct NetworkEntry {
  NetworkInfo info;
  std::shared_ptr<Network> (*make)(ImageShape shape, std::size_t classes);
};

/// The entry of networks() with its maker; names as in find_network.
const NetworkEntry& find_network_entry(std::string_view name);

std::shared_ptr<Network> make_fc(ImageShape shape, std::size_t classes);
std::shared_ptr<Network> make_lenet(ImageShape shape, std::size_t classes);

}  // namespace detox
