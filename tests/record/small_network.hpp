// A network of a few numbers, for the tests of files.
#pragma once

#include <string>

#include "base/learner.hpp"
#include "record/checkpoint.hpp"

namespace detox {

inline ModelLayout small_layout() {
  ModelLayout layout;
  layout.parameters = {{"fc.weight", {2, 3}, 0, 6}, {"fc.bias", {2}, 6, 2}};
  layout.statistics = {{"bn.running_mean", {2}, 0, 2}};
  layout.counters = {{"bn.num_batches_tracked", {}, 0, 1}};
  return layout;
}

inline ModelState small_model() {
  return {
      {0.0F, 1.5F, -2.0F, 3.25F, -0.0F, 1e-40F, 7.0F, 8.0F}, {0.5F, -0.5F}, {1'234'567'890'123}};
}

inline TrainingState small_state(std::uint64_t step) {
  TrainingState state;
  state.step = step;
  state.momentum = {1, 2, 3, 4, 5, 6, 7, 8};
  state.config_digest = "c0ffee";
  state.profile = "portable: avx2, \"Haswell\"\n\xc3\xa9";
  state.facts = {{"skipped_in_row", "2"}, {"a", ""}};
  return state;
}

}  // namespace detox
