// Any bytes as a configuration file, and its values as a run. What is accepted must be the same
// after writing and reading it again, and must make a plan that keeps its own rules; what is not
// must be refused in lines that people can read.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"
#include "config/plan.hpp"
#include "detox/errors.hpp"

namespace {

using namespace detox;

void require(bool condition) {
  if (!condition) std::abort();
}

RunConfig read(std::string_view text) {
  RunConfig config;
  for (const Setting& setting : parse_settings(text, "fuzz")) apply_setting(setting, config);
  return config;
}

void round_trip(const RunConfig& config) {
  const std::string text = to_toml(config, "fuzz");
  require(to_toml(read(text), "fuzz") == text);
}

void plan(const RunConfig& given) {
  const RunConfig config = resolve(given, 0);
  round_trip(config);
  require(to_toml(resolve(config, 0), "") == to_toml(config, ""));
  const Plan plan = make_plan(config);
  require(plan.k >= 1 && plan.k * plan.r <= plan.workers && plan.b <= plan.k);
  require(plan.q < plan.workers && plan.f_eff <= plan.k);
  require(plan.num_aggregate >= 1 && plan.num_aggregate <= plan.k && plan.b <= plan.num_aggregate);
  require(Hierarchy(plan.hierarchy).unmet_requirement(plan.num_aggregate).empty());
  for (const Absence& absence : plan.absences)
    require(absence.worker < plan.workers && absence.from >= 1 && absence.from <= absence.to);
  require(samples_per_step(config, plan) >= plan.k);
  const std::uint64_t steps = total_steps(config, 100);
  require(steps >= 1 && steps <= config.max_steps);
  const LrSchedule schedule = lr_schedule(config, steps);
  for (const std::uint64_t step : {std::uint64_t{1}, steps})
    require(schedule.at(step) >= 0 && schedule.at(step) <= *config.lr);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const RunConfig config = read({reinterpret_cast<const char*>(data), size});
    round_trip(config);
    plan(config);
  } catch (const Error& error) {
    const std::string_view text = error.what();
    require(!text.empty() && text.size() < 20000);
    require(error.exit_code() == 1 || error.exit_code() == 2);
    for (const char c : text)
      require(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
  }
  return 0;
}
