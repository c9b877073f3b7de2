// The makers of networks, without a libtorch header.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/dataset.hpp"
#include "base/learner.hpp"
#include "learn/torch/memory_layout.hpp"

namespace detox {

class Network;

/// One line of networks.def. make throws UsageError where the network cannot take images of this
/// shape; a family of networks is made by depth.
struct NetworkEntry {
  std::string_view name;
  std::shared_ptr<Network> (*make)(ImageShape shape, std::size_t classes, int depth);
  MemoryLayout memory_layout;
  int depth = 0;
};

/// Names as in find_network.
const NetworkEntry& find_network_entry(std::string_view name);

std::shared_ptr<Network> make_cifar_resnet(ImageShape shape, std::size_t classes, int depth);
std::shared_ptr<Network> make_densenet(ImageShape shape, std::size_t classes, int depth);
std::shared_ptr<Network> make_fc(ImageShape shape, std::size_t classes, int depth);
std::shared_ptr<Network> make_lenet(ImageShape shape, std::size_t classes, int depth);
std::shared_ptr<Network> make_plain_vgg(ImageShape shape, std::size_t classes, int depth);
std::shared_ptr<Network> make_resnet(ImageShape shape, std::size_t classes, int depth);
std::shared_ptr<Network> make_vgg(ImageShape shape, std::size_t classes, int depth);

}  // namespace detox
