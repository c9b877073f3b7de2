#pragma once

#include "base/learner.hpp"
#include "learn/learner_module.h"

namespace detox {

/// A module's layout as the program keeps it. InputError where it contradicts itself: gaps, sizes
/// that are not the shape's.
ModelLayout layout_of(const detox_model_layout& view);

}  // namespace detox
