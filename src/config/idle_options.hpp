// Options that nothing reads as the others are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/plan.hpp"

namespace detox {

struct IdleOptions {
  bool are_idle;
  std::string because;
  std::vector<std::string_view> options;
};

/// Of the configuration alone, wherever it runs.
std::vector<IdleOptions> idle_options(const RunConfig& config, const Plan& plan);

/// A line for each reason. Only options that differ from their defaults are worth one: a file that
/// a run has written holds all of them.
void tell_idle_options(const RunConfig& config, const std::vector<IdleOptions>& idles,
                       std::vector<std::string>& lines);

}  // namespace detox
