// The picture of a search, drawn by Debian's Matplotlib.
#pragma once

#include <filesystem>
#include <string>

namespace detox {

/// Draws plot.svg and plot.png beside the results.json in `dir`, and its runs. Empty where that
/// worked, else one line that says why not (no python3-matplotlib, say): the results stand without
/// it. Takes two seconds, a minute at most.
std::string draw_plot(const std::filesystem::path& dir);

}  // namespace detox
