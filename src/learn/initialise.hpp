// Initial weights from named random streams.
#pragma once

#include "detox/random.hpp"
#include "learn/networks/network.hpp"

namespace detox {

/// Fills every parameter of the module, and of the modules in it, as PyTorch initialises it by
/// default: convolutions and linear layers uniformly within 1/sqrt(fan in), batch norm with ones
/// and zeros. Each parameter has a stream of its own, derive_key(key, "parameter:" + name), so the
/// values depend on nothing else, are the same on every machine and leave libtorch's generators
/// alone. A module kind without a rule here is our bug.
void initialise(torch::nn::Module& network, const Key& key);

}  // namespace detox
