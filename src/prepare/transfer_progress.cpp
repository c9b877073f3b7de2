#include "prepare/transfer_progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace detox {
namespace {

constexpr std::uint64_t kLines = 5;
constexpr std::uint64_t kWorthALine = 5'000'000;

}  // namespace

TransferProgress::TransferProgress(std::string what, std::uint64_t bytes)
    : what_(std::move(what)),
      all_(std::max<std::uint64_t>(1, bytes)),
      // Small files are over before anybody could wonder.
      next_line_(bytes < kWorthALine ? all_ : all_ / kLines) {}

std::string TransferProgress::text(std::uint64_t done) const {
  constexpr double kKilo = 1e3, kMega = 1e6;
  const bool large = all_ >= 1'000'000;
  const double unit = large ? kMega : kKilo;
  return fmt::format("{}  {:.1f} of {:.1f} {}", what_, static_cast<double>(done) / unit,
                     static_cast<double>(all_) / unit, large ? "MB" : "kB");
}

void TransferProgress::update(std::uint64_t done) {
  const bool is_last = done >= all_, is_worth_a_line = done >= next_line_;
  if (!line_.is_due(is_last, is_worth_a_line)) return;
  if (is_worth_a_line) {
    next_line_ = done + std::max<std::uint64_t>(1, all_ / kLines);
    if (!is_last) next_line_ = std::min(next_line_, all_);
  }
  line_.show(text(done), done, all_);
}

}  // namespace detox
