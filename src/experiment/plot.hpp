// The picture of a search, drawn by Debian's Matplotlib.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace detox {

/// Draws plot.svg and plot.png beside the results.json in `dir`, and its runs. Empty where that
/// worked, else one line that says why not (no python3-matplotlib, say): the results stand without
/// it. Takes two seconds, a minute at most.
std::string draw_plot(const std::filesystem::path& dir);

/// The same with a script of Python that gets the folder and what it draws by.
std::string draw_by(std::string_view script, const std::filesystem::path& dir);

}  // namespace detox
