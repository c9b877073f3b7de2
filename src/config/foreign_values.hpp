// Values that mean something in the original and are written in another way here.
#pragma once

#include "config/run_config.hpp"

namespace detox {

class Mistakes;

/// Takes what is clear, with a remark, and adds to `mistakes` what to write for the rest.
/// `bucket_size`: the buckets were given under the original's name, which only DETOX looked at.
void take_foreign_values(RunConfig& config, bool bucket_size, Mistakes& mistakes);

}  // namespace detox
