// The geometric median in the semantics of byzfl and byzpy.
#pragma once

#include <memory>

#include "detox/aggregator.hpp"

namespace detox {

std::unique_ptr<Aggregator> make_plain_weiszfeld(const RuleOptions& options);

}  // namespace detox
