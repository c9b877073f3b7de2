// One run of a sweep: a configuration, and the name by which it is found again.
#pragma once

#include <string>
#include <vector>

#include "config/run_config.hpp"
#include "experiment/sweep.hpp"

namespace detox {

struct Trial {
  std::vector<Setting> settings;  ///< of the swept options, in the order of the sweeps
  RunConfig config;               ///< the base with them
  std::string label;              ///< for people: "lr=0.1 momentum=0.9"
  /// Eight hexadecimal digits of the configuration, without what belongs to an invocation: the same
  /// run has the same ones in whatever sweep it is.
  std::string identity;
  std::string folder;  ///< what a new folder for it is called: "lr=0.1,momentum=0.9-1f2e3d4c"
};

/// The cross product, the last sweep changing fastest. At least one sweep. UsageError where two
/// runs that differ get one identity, which can be expected once in 500 sweeps of the largest size.
std::vector<Trial> trials_of(const RunConfig& base, const std::vector<Sweep>& sweeps);

}  // namespace detox
