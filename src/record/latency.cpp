#include "record/latency.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace detox {
namespace {

constexpr double kLeastSeconds = 1e-6, kCodesAnOctave = 112;

}  // namespace

LatencyCode latency_code(double seconds) {
  if (!(seconds > kLeastSeconds)) return kLeastTime;
  const double steps = std::round(kCodesAnOctave * std::log2(seconds / kLeastSeconds));
  return static_cast<LatencyCode>(kLeastTime + std::min<double>(steps, kMostTime - kLeastTime));
}

double latency_seconds(LatencyCode code) {
  if (code < kLeastTime || code > kMostTime) return std::numeric_limits<double>::quiet_NaN();
  return kLeastSeconds * std::exp2((code - kLeastTime) / kCodesAnOctave);
}

}  // namespace detox
