// The figures of an experiment, drawn by Debian's Matplotlib.
#pragma once

#include <filesystem>
#include <string>

#include "experiment/result_rows.hpp"

namespace detox {

/// Writes curves.csv (curves.hpp) into the experiment's folder and draws, from it and the
/// results.json there (result_files.hpp), heatmap or points, curves_accuracy and curves_loss, each
/// as .svg and .png (figures.py says what they show). Empty where that worked, else one line that
/// says why not (no python3-matplotlib, say): the results stand without it. The same results give
/// the same bytes. Takes seconds; InputError where curves.csv cannot be written.
std::string draw_figures(const std::filesystem::path& dir, const Results& results);

}  // namespace detox
