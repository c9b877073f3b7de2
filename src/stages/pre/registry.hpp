// What the file of each step before a rule offers to the registry.
#pragma once

#include <cstddef>
#include <memory>

#include "detox/pre_aggregator.hpp"

namespace detox {

std::unique_ptr<PreAggregator> make_arc(std::size_t f, double parameter);
std::unique_ptr<PreAggregator> make_bucketing(std::size_t f, double parameter);
std::unique_ptr<PreAggregator> make_clipping(std::size_t f, double parameter);
std::unique_ptr<PreAggregator> make_nnm(std::size_t f, double parameter);

}  // namespace detox
