#include "cluster/step_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace detox {

void StepTable::add(std::string_view step, const std::vector<HostResult>& results) {
  steps_.emplace_back(step);
  for (const HostResult& result : results) cells_[{result.host, steps_.back()}] = result;
}

bool StepTable::is_ok(const std::string& host, std::string_view step) const {
  const auto cell = cells_.find({host, std::string(step)});
  return cell != cells_.end() && cell->second.ok();
}

bool StepTable::is_all_ok() const {
  return std::all_of(cells_.begin(), cells_.end(),
                     [](const auto& cell) { return cell.second.ok(); });
}

std::string StepTable::text() const {
  std::size_t width = 4;
  for (const std::string& host : hosts_) width = std::max(width, host.size());
  std::string text = fmt::format("{:<{}}", "host", width);
  for (const std::string& step : steps_) text += fmt::format("  {:<8}", step);
  std::string failures;
  for (const std::string& host : hosts_) {
    text.resize(text.find_last_not_of(' ') + 1);
    text += fmt::format("\n{:<{}}", host, width);
    for (const std::string& step : steps_) {
      const auto cell = cells_.find({host, step});
      const bool is_there = cell != cells_.end();
      text += fmt::format("  {:<8}", !is_there ? "-" : cell->second.ok() ? "ok" : "FAILED");
      if (is_there && !cell->second.ok())
        failures += fmt::format("{}: {} failed: {}\n", host, step, cell->second.failure);
    }
  }
  text.resize(text.find_last_not_of(' ') + 1);
  return text + '\n' + failures;
}

}  // namespace detox
