// Networks over libtorch. No type of libtorch is in this header.
#pragma once

#include <memory>
#include <string_view>

#include "base/learner.hpp"

namespace detox {

/// As make_learner (base/learner.hpp), in this process and without a door.
std::unique_ptr<Learner> make_torch_learner(std::string_view network, ImageShape shape,
                                            std::size_t classes);

}  // namespace detox
