#include "experiment/plot.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "base/child_program.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"
#include "experiment/plot_script.hpp"

namespace detox {

std::string draw_plot(const std::filesystem::path& dir) { return draw_by(kPlotScript, dir); }

std::string draw_by(std::string_view script, const std::filesystem::path& dir) {
  // The system's own interpreter has the system's Matplotlib; another may lie before it on PATH.
  constexpr const char* kSystemPython = "/usr/bin/python3";
  ChildProgram child;
  child.arguments = {access(kSystemPython, X_OK) == 0 ? kSystemPython : "python3", "-",
                     dir.string()};
  child.input = std::string(script);
  child.time_limit = std::chrono::minutes(5);
  try {
    const ChildResult result = run_child(child);
    if (result.ok()) return {};
    if (result.timed_out) return "drawing took more than five minutes";
    std::string text = result.errors;
    while (text.ends_with('\n')) text.pop_back();
    constexpr std::size_t kLongest = 200;
    return printable(text.substr(text.rfind('\n') + 1), kLongest);
  } catch (const InputError& error) {
    return fmt::format("{}: Debian's packages are python3 and python3-matplotlib", error.what());
  }
}

}  // namespace detox
