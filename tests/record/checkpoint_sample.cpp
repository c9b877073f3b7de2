// checkpoint_sample write DIR: a checkpoint of step 7 of the small network. checkpoint_sample read
// FILE: whether FILE is the small network's model.
#include <cstdio>
#include <cstring>
#include <string>

#include "detox/errors.hpp"
#include "record/small_network.hpp"

int main(int argc, char** argv) {
  using namespace detox;
  if (argc != 3) return 2;
  try {
    if (std::string(argv[1]) == "write") {
      save_checkpoint(argv[2], small_layout(), small_model(), small_state(7));
      return 0;
    }
    const ModelState model = load_model(argv[2], small_layout());
    const ModelState expected = small_model();
    const std::size_t bytes = expected.parameters.size() * sizeof(float);
    const bool equal =
        std::memcmp(model.parameters.data(), expected.parameters.data(), bytes) == 0 &&
        model.statistics == expected.statistics && model.counters == expected.counters;
    return equal ? 0 : 1;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
