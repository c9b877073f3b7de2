// How images and the weights of convolutions lie in memory.
#pragma once

namespace detox {

/// A fixed property of each network, the faster one as measured (docs/performance.md): gradients
/// have other bits under another layout, so it is never chosen while a program runs.
enum class MemoryLayout { kChannelsFirst, kChannelsLast };

}  // namespace detox
