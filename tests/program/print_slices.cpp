// What a run of the program starts from, for the test that repeats the run in PyTorch.
//
//   print_slices slices SEED SAMPLES K PER_STEP STEPS
//       the sample indices of each slice of each step, as JSON: [step][slice][i]
//   print_slices weights SEED NETWORK DIRECTORY
//       the weights before the first step (28 x 28 grey, 10 classes), as DIRECTORY/model_step_0
#include <charconv>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/learner.hpp"
#include "engine/keys.hpp"
#include "record/checkpoint.hpp"
#include "stages/assign/slice_schedule.hpp"

namespace detox {
namespace {

using Arguments = std::span<const std::string_view>;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end)
    throw std::runtime_error("not a number: " + std::string(text));
  return value;
}

RunKeys keys_of(std::string_view seed) {
  RunConfig config;
  config.seed = number(seed);
  return run_keys(config);
}

void print_slices(Arguments given) {
  const Key data_key = keys_of(given[0]).data;
  const std::size_t k = number(given[2]);
  SliceSchedule schedule(number(given[1]), k, number(given[3]), data_key);
  auto steps = nlohmann::json::array();
  for (std::uint64_t step = 1; step <= number(given[4]); ++step) {
    schedule.begin_step(step);
    auto slices = nlohmann::json::array();
    for (std::size_t slice = 0; slice < k; ++slice) {
      const auto samples = schedule.samples(slice);
      slices.push_back(std::vector<std::uint32_t>(samples.begin(), samples.end()));
    }
    steps.push_back(std::move(slices));
  }
  std::cout << steps << '\n';
}

void write_weights(Arguments given) {
  const auto learner = make_learner(given[1], {.channels = 1, .height = 28, .width = 28}, 10);
  save_checkpoint(given[2], learner->layout(),
                  learner->initial_state(keys_of(given[0]).initial_weights), {});
}

int run(Arguments given) {
  if (given.size() == 6 && given[0] == "slices") {
    print_slices(given.subspan(1));
  } else if (given.size() == 4 && given[0] == "weights") {
    write_weights(given.subspan(1));
  } else {
    std::cerr << "usage: print_slices slices SEED SAMPLES K PER_STEP STEPS\n"
                 "       print_slices weights SEED NETWORK DIRECTORY\n";
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  try {
    const std::vector<std::string_view> given(argv + 1, argv + argc);
    return detox::run(given);
  } catch (const std::exception& error) {
    std::cerr << "print_slices: " << error.what() << '\n';
    return 1;
  }
}
