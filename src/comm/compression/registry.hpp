// What each compressor's file offers to the registry.
#pragma once

#include "comm/compression/compressor.hpp"

namespace detox {

std::unique_ptr<Compressor> make_blosc_compressor();
std::unique_ptr<Compressor> make_zstd_compressor();

}  // namespace detox
