#include "round/progress.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/duration_text.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kLines = 20;

}  // namespace

Progress::Progress(std::uint64_t first_step, std::uint64_t last_step, std::uint64_t interval,
                   const Clock& clock)
    : last_(last_step),
      interval_(interval > 0
                    ? interval
                    : std::max<std::uint64_t>(1, (last_step - first_step + kLines) / kLines)),
      clock_(clock),
      start_(clock.now()),
      line_(clock) {}

std::string Progress::text(std::uint64_t step, std::optional<double> loss,
                           std::optional<double> accuracy) const {
  const double elapsed = clock_.seconds_since(start_);
  const double per_step = elapsed / static_cast<double>(std::max<std::uint64_t>(1, taken_));
  return fmt::format("step {}/{}  loss {}  accuracy {}  {} left", step, last_,
                     loss ? fmt::format("{:.4f}", *loss) : "-",
                     accuracy ? fmt::format("{:.1f}%", 100 * *accuracy) : "-",
                     duration_text(per_step * static_cast<double>(last_ - step)));
}

void Progress::update(std::uint64_t step, std::optional<double> loss,
                      std::optional<double> accuracy) {
  ++taken_;
  const bool is_last = step == last_;
  if (line_.is_due(is_last, is_last || step % interval_ == 0))
    line_.show(text(step, loss, accuracy), step, last_);
}

}  // namespace detox
