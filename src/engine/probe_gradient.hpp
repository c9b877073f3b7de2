// One gradient that every worker computes at the start, to see who computes the same bits.
#pragma once

#include <cstddef>
#include <string>

#include "base/dataset.hpp"
#include "base/learner.hpp"

namespace detox {

/// A probe of more samples would only take longer.
inline constexpr std::size_t kMostProbeSamples = 64;

/// SHA-256, hex, over what an answer holds (gradient, statistics, loss, samples recognised) of one
/// batch at one set of weights. Images, labels and weights are drawn from the key, so no file is
/// read; a user's network begins with its own weights. Batches as large as a slice of the run take
/// the same code paths in the libraries. Costs one training step.
std::string probe_digest(Learner& learner, ImageShape shape, std::size_t classes,
                         std::size_t samples, const Key& key);

}  // namespace detox
