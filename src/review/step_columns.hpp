// Steps in columns, for pictures: as many as can be told apart, whatever the run's length.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace detox {

/// Consecutive steps, a number of them to a column; the last column may have fewer.
class StepColumns {
 public:
  StepColumns() = default;
  StepColumns(std::uint64_t first, std::uint64_t last, std::size_t most)
      : first_(first), last_(last), width_(1 + (last - first) / most) {}

  std::uint64_t first() const { return first_; }
  std::uint64_t width() const { return width_; }
  std::size_t count() const {
    return first_ > last_ ? 0 : static_cast<std::size_t>((last_ - first_) / width_ + 1);
  }
  bool has(std::uint64_t step) const { return step >= first_ && step <= last_; }
  /// Of a step that it has.
  std::size_t of(std::uint64_t step) const {
    return static_cast<std::size_t>((step - first_) / width_);
  }
  /// The last step of each column.
  std::vector<std::uint64_t> ends() const {
    std::vector<std::uint64_t> ends;
    for (std::size_t column = 1; column <= count(); ++column)
      ends.push_back(std::min(last_, first_ + column * width_ - 1));
    return ends;
  }

 private:
  std::uint64_t first_ = 1, last_ = 0, width_ = 1;
};

}  // namespace detox
