#include "base/worker_names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace detox {

std::string worker_names(const std::vector<std::uint32_t>& workers) {
  constexpr std::size_t kMostNamed = 30;
  std::string text = workers.size() == 1 ? "worker " : "workers ";
  const std::size_t shown = std::min(workers.size(), kMostNamed);
  for (std::size_t i = 0; i < shown; ++i) {
    const char* before = i == 0 ? "" : i + 1 == workers.size() ? " and " : ", ";
    text += fmt::format("{}{}", before, workers[i] + 1);
  }
  if (shown < workers.size()) text += fmt::format(" and {} more", workers.size() - shown);
  return text;
}

}  // namespace detox
