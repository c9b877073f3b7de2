#pragma once

#include <string_view>

namespace detox {

/// Whether this names a file and no network of the registry: it holds a slash or ends with .pt.
bool is_network_path(std::string_view network);

}  // namespace detox
