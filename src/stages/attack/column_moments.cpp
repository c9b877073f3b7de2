#include "stages/attack/column_moments.hpp"

#include <cmath>

namespace detox {

void column_moments(const Rows<float>& rows, std::size_t begin, std::size_t count,
                    ColumnMoments& moments) {
  auto& [mean, deviation] = moments;
  const auto n = static_cast<double>(rows.n());
  mean.fill(0);
  deviation.fill(0);
  for (const float* row : rows.row) {
    for (std::size_t i = 0; i < count; ++i) mean[i] += static_cast<double>(row[begin + i]);
  }
  for (std::size_t i = 0; i < count; ++i) mean[i] /= n;
  for (const float* row : rows.row) {
    for (std::size_t i = 0; i < count; ++i) {
      const double difference = static_cast<double>(row[begin + i]) - mean[i];
      deviation[i] += difference * difference;
    }
  }
  for (std::size_t i = 0; i < count; ++i)
    deviation[i] = rows.n() > 1 ? std::sqrt(deviation[i] / (n - 1)) : 0.0;
}

}  // namespace detox
