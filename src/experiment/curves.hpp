// How runs came to their results, in means over seeds.
#pragma once

#include <filesystem>
#include <string>

#include "experiment/result_rows.hpp"

namespace detox {

/// Tidy: a row for each combination of values, quantity ("loss" of training, "test_prec1") and step
/// with mean, sample deviation (empty for one) and the number of seeds. Losses are means over up to
/// 200 parts of the steps, each at the middle of its part; a step that fewer seeds have than a
/// later one is left out. Of runs that finished, or where a combination has none, of those that
/// diverged: `state` says which. `dir` is the experiment's. Reads the metrics and evaluations of
/// all these runs; where one is damaged it is left out.
std::string curves_csv(const Results& results, const std::filesystem::path& dir);

}  // namespace detox
