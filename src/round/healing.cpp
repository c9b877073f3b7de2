#include "round/healing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/file.hpp"
#include "base/round_number.hpp"
#include "detox/errors.hpp"
#include "record/rounds_file.hpp"

namespace detox {
namespace {

bool is_unsure(const RecordedSlice& slice, const Evictions& evictions) {
  return slice.used && !slice.by_server &&
         std::ranges::all_of(slice.counted,
                             [&](std::uint32_t worker) { return evictions.is_out(worker); });
}

}  // namespace

Healing::Healing(std::string_view text) {
  const std::string_view whole = text;
  while (!text.empty()) {
    Back back{};
    const char* const end = text.data() + text.size();
    const auto from = std::from_chars(text.data(), end, back.from);
    const bool goes_on = from.ec == std::errc() && from.ptr != end && *from.ptr == '>';
    const auto to = std::from_chars(goes_on ? from.ptr + 1 : end, end, back.to);
    const bool is_right = goes_on && to.ec == std::errc() && back.to < back.from &&
                          (to.ptr == end || *to.ptr == ' ') && attempt() < kMostAttempts;
    if (!is_right) {
      throw InputError(fmt::format("the state file's list of steps gone back to is none: '{}'",
                                   whole.substr(0, 80)));
    }
    backs_.push_back(back);
    text.remove_prefix(std::min(static_cast<std::size_t>(to.ptr - text.data()) + 1, text.size()));
  }
}

std::string Healing::text() const {
  std::string text;
  for (const auto& [from, to] : backs_)
    text += fmt::format("{}{}>{}", text.empty() ? "" : " ", from, to);
  return text;
}

std::optional<std::uint64_t> first_unsure_step(const std::filesystem::path& rounds,
                                               std::uint64_t first, std::uint64_t last,
                                               std::size_t workers, std::size_t slices,
                                               const Evictions& evictions) {
  std::set<std::uint64_t> unsure;  // of the steps that stand so far
  const auto look = [&](const RecordedStep& step) {
    unsure.erase(unsure.lower_bound(step.step), unsure.end());
    if (std::ranges::any_of(step.slices,
                            [&](const auto& one) { return is_unsure(one, evictions); }))
      unsure.insert(step.step);
  };
  const RecordedRounds recorded(rounds.string(), read_file(rounds), workers, slices, last, look);
  if (recorded.first_step() > first || recorded.last_step() < last) {
    throw InputError(fmt::format("{} has steps {} to {}, not {} to {}", recorded.name(),
                                 recorded.first_step(), recorded.last_step(), first, last));
  }
  if (unsure.empty() || *unsure.begin() > last) return std::nullopt;
  return *unsure.begin();
}

}  // namespace detox
