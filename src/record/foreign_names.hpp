// Names, and orders of channels, under which others keep the same networks.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/learner.hpp"
#include "record/safetensors.hpp"

namespace detox {

using Tensors = std::map<std::string, TensorView>;

/// All names of the state_dict.
std::set<std::string, std::less<>> names_of(const ModelLayout& layout);

/// Gives tensors with names that the network lacks those that it has for them; returns what was
/// done, a line each. Nothing is renamed to a name that is taken.
std::vector<std::string> rename_tensors(const ModelLayout& layout, Tensors& tensors);

/// Whether the tensors are those of the DenseNet of pytorch-cifar and the original, before they are
/// renamed. It puts a layer's new channels before the others, torchvision and we behind them.
bool has_newest_channels_first(const Tensors& tensors);

/// Of such a network, by our names: the dimension of a tensor that counts channels of a whole
/// block, and for each of our channels its place in the file. Empty order where there is none.
struct ChannelOrder {
  std::size_t dimension = 0;
  std::vector<std::size_t> from;
};
ChannelOrder newest_first_order(const ModelLayout& layout, std::string_view name,
                                const std::vector<std::int64_t>& shape);

}  // namespace detox
