// What each codec file offers to the registry.
#pragma once

#include "stages/compress/codec.hpp"

namespace detox {

std::unique_ptr<Codec> make_none_codec();
std::unique_ptr<Codec> make_sign_codec();

}  // namespace detox
