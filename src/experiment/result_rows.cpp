#include "experiment/result_rows.hpp"

#include <array>

namespace detox {
namespace {

constexpr std::array<std::string_view, 6> kResultStates = {"waiting", "finished", "diverged",
                                                           "refused", "failed",   "interrupted"};

}  // namespace

std::string_view to_string(ResultState state) {
  return kResultStates[static_cast<std::size_t>(state)];
}

}  // namespace detox
