// Digests of results, compared with those in the files beside this one, which an x86-64 wrote. So a
// result is the same bytes on every instruction set and on every architecture.
//
// DETOX_WRITE_DIGESTS=1 writes the files anew where results are to be others: on x86-64 alone.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/digest.hpp"

namespace detox::test {

/// The bytes of numbers, lists of them and texts.
class Fold {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> Fold& operator<<(const T& value) {
    builder_.add(std::as_bytes(std::span(&value, 1)));
    return *this;
  }
  template <class T>
  Fold& operator<<(const std::vector<T>& values) {
    static_assert(std::is_arithmetic_v<T> || std::is_same_v<T, std::byte>);
    *this << values.size();
    builder_.add(std::as_bytes(std::span(values)));
    return *this;
  }
  Fold& operator<<(std::string_view text) {
    *this << text.size();
    builder_.add(text);
    return *this;
  }
  /// A list in which a NaN counts as one, whatever its bits are.
  template <class T>
  Fold& numbers(std::vector<T> values) {
    for (T& value : values) {
      if (value != value) value = std::numeric_limits<T>::quiet_NaN();
    }
    return *this << values;
  }
  /// 16 digits.
  std::string finish() { return hex(builder_.finish()).substr(0, 16); }

 private:
  DigestBuilder builder_;
};

/// What was digested, in order: a name and a digest a line.
class Lines {
 public:
  void add(const std::string& name, const std::function<void(Fold&)>& results);
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

/// Calls make on every instruction set, and expects the lines of the file NAME.txt each time.
void expect_recorded(std::string_view name, const std::function<void(Lines&)>& make);

}  // namespace detox::test
