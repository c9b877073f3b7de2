#include "engine/probe_gradient.hpp"

#include <vector>

#include "base/digest.hpp"

namespace detox {

std::string probe_digest(Learner& learner, ImageShape shape, std::size_t classes,
                         std::size_t samples, const Key& key) {
  const ModelState state = learner.initial_state(derive_key(key, "weights"));
  std::vector<float> images(samples * shape.values());
  RandomStream(derive_key(key, "images")).fill_normal(images);
  std::vector<std::int64_t> labels(samples);
  RandomStream stream(derive_key(key, "labels"));
  for (std::int64_t& label : labels) label = static_cast<std::int64_t>(stream.below(classes));

  std::vector<float> gradient(state.parameters.size()), statistics(state.statistics.size());
  const BatchResult result = learner.gradient(
      state.parameters, state.statistics, {images, labels, stream.next()}, gradient, statistics);
  DigestBuilder digest;
  digest.add(std::as_bytes(std::span(gradient))).add(std::as_bytes(std::span(statistics)));
  digest.add(std::as_bytes(std::span(&result.loss_sum, 1)));
  digest.add(std::as_bytes(std::span(&result.correct, 1)));
  return hex(digest.finish());
}

}  // namespace detox
