#include "prepare/transfer_progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/log.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kBarCells = 30, kLines = 5;
constexpr std::uint64_t kWorthALine = 5'000'000;
constexpr auto kRedraw = std::chrono::milliseconds(100);

}  // namespace

TransferProgress::TransferProgress(std::string what, std::uint64_t bytes)
    : what_(std::move(what)),
      all_(std::max<std::uint64_t>(1, bytes)),
      // Small files are over before anybody could wonder.
      next_line_(bytes < kWorthALine ? all_ : all_ / kLines),
      terminal_(isatty(STDERR_FILENO) == 1) {}

TransferProgress::~TransferProgress() {
  if (drawn_) std::fputs("\n", stderr);
}

std::string TransferProgress::line(std::uint64_t done) const {
  constexpr double kKilo = 1e3, kMega = 1e6;
  const bool large = all_ >= 1'000'000;
  const double unit = large ? kMega : kKilo;
  return fmt::format("{}  {:.1f} of {:.1f} {}", what_, static_cast<double>(done) / unit,
                     static_cast<double>(all_) / unit, large ? "MB" : "kB");
}

void TransferProgress::update(std::uint64_t done) {
  if (!terminal_) {
    if (done < next_line_) return;
    next_line_ = done + std::max<std::uint64_t>(1, all_ / kLines);
    if (done < all_) next_line_ = std::min(next_line_, all_);
    return log_line(line(done));
  }
  const auto now = std::chrono::steady_clock::now();
  if (drawn_ && now - last_drawn_ < kRedraw && done < all_) return;
  last_drawn_ = now;
  const std::uint64_t filled = kBarCells * std::min(done, all_) / all_;
  const std::string bar = fmt::format("\r[{}{}] {}\x1b[K", std::string(filled, '#'),
                                      std::string(kBarCells - filled, '.'), line(done));
  std::fputs(bar.c_str(), stderr);
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace detox
