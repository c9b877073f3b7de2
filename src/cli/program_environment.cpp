#include "cli/program_environment.hpp"

#include "base/signals.hpp"

namespace detox {

Environment program_environment() {
  return {.load_data =
              [](const RunConfig& config, Split split) {
                return load_dataset(config.dataset, config.data_dir, split, config.image_size);
              },
          .resolve_network = resolve_network,
          .choose_dataset = choose_dataset,
          .make_learner = make_learner,
          .stop = stop_flag()};
}

}  // namespace detox
