#include "experiment/figures.hpp"

#include "base/atomic_file.hpp"
#include "experiment/curves.hpp"
#include "experiment/figures_script.hpp"
#include "experiment/plot.hpp"

namespace detox {

std::string draw_figures(const std::filesystem::path& dir, const Results& results) {
  write_atomically(dir / "curves.csv", curves_csv(results, dir));
  return draw_by(kFiguresScript, dir);
}

}  // namespace detox
