// What is wrong with a command line or a file, told all at once.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "detox/errors.hpp"

namespace detox {

class Mistakes {
 public:
  /// One line. The same one twice is one mistake, and of many only the first are told.
  void add(std::string line) {
    for (const std::string& known : lines_) {
      if (known == line) return;
    }
    if (lines_.size() < kMostTold) {
      lines_.push_back(std::move(line));
    } else {
      ++untold_;
    }
  }

  /// Does the part, and keeps the UsageError that it ends with.
  template <class Part>
  void in(const Part& part) {
    try {
      part();
    } catch (const UsageError& error) {
      add(error.what());
    }
  }

  /// A line for each mistake; empty where there is none.
  std::string text() const {
    std::string text;
    for (const std::string& line : lines_) text += (text.empty() ? "" : "\n") + line;
    return untold_ == 0 ? text : text + "\nand " + std::to_string(untold_) + " more mistakes";
  }

  /// UsageError with that text, where there is a mistake.
  void refuse() const {
    if (!lines_.empty()) throw UsageError(text());
  }

 private:
  static constexpr std::size_t kMostTold = 20;

  std::vector<std::string> lines_;
  std::size_t untold_ = 0;
};

}  // namespace detox
