#include "experiment/value_range.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr int kLargestExponent = 1000;

/// A number, and how it was written where that was as a power.
struct Point {
  double value = 0;
  bool is_power = false;
  double base = 0;
  int exponent = 0;
};

[[noreturn]] void refuse_number(std::string_view text, std::string_view why) {
  throw UsageError(fmt::format("'{}' {}", printable(text), why));
}

/// By multiplication alone: the C library's pow() may differ between processors in the last bit.
double power(double base, int exponent) {
  double product = 1;
  for (int i = 0; i < std::abs(exponent); ++i) product *= base;
  return exponent < 0 ? 1 / product : product;
}

/// Takes a number from the front of `rest`.
double take_number(std::string_view& rest, std::string_view whole) {
  double value = 0;
  const auto result = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (result.ec != std::errc() || !std::isfinite(value)) {
    refuse_number(whole, "is no range; valid: 2^-10..2^-3, 1..5, 0..0.9+0.3 or 0.001..1x10");
  }
  rest.remove_prefix(static_cast<std::size_t>(result.ptr - rest.data()));
  return value;
}

/// Takes a number or a power from the front of `rest`.
Point take_point(std::string_view& rest, std::string_view whole) {
  Point point;
  point.value = take_number(rest, whole);
  if (!rest.starts_with('^')) return point;
  rest.remove_prefix(1);
  const auto result = std::from_chars(rest.data(), rest.data() + rest.size(), point.exponent);
  if (result.ec != std::errc() || std::abs(point.exponent) > kLargestExponent ||
      !(point.value > 0)) {
    refuse_number(whole, "is no power; valid: a number above 0, ^ and a whole number, as in 2^-3");
  }
  rest.remove_prefix(static_cast<std::size_t>(result.ptr - rest.data()));
  point.is_power = true;
  point.base = point.value;
  point.value = power(point.base, point.exponent);
  if (!std::isfinite(point.value) || point.value == 0) {
    refuse_number(whole, "is out of range");
  }
  return point;
}

/// The short number that is meant, where rounding in the sums has led a few last bits away from it.
double without_rounding_noise(double value) {
  double rounded = 0;
  const std::string text = fmt::format("{:.12g}", value);
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  constexpr double kNoise = 1e-14;
  return std::abs(rounded - value) <= kNoise * std::abs(value) ? rounded : value;
}

/// How one gets from the first value to the last.
struct Stride {
  enum class Kind { kPower, kAdd, kMultiply } kind = Kind::kAdd;
  double amount = 1;
  double count = 0;  ///< of values; not yet checked against a limit
};

Stride stride_of(const Point& first, const Point& last, std::string_view rest,
                 std::string_view whole) {
  // What rounding may take from the last step of a range.
  constexpr double kSlack = 1e-9;
  Stride stride;
  if (rest.empty() && first.is_power && last.is_power && first.base == last.base) {
    stride.kind = Stride::Kind::kPower;
    // Powers of a base below 1 rise as their exponents fall.
    stride.amount = last.exponent < first.exponent ? -1 : 1;
    stride.count = std::abs(last.exponent - first.exponent) + 1;
    return stride;
  }
  if (rest.starts_with('x')) {
    stride.kind = Stride::Kind::kMultiply;
  } else if (!rest.starts_with('+')) {
    const bool are_whole = std::floor(first.value) == first.value &&
                           std::floor(last.value) == last.value && !first.is_power &&
                           !last.is_power;
    if (!rest.empty() || !are_whole) {
      refuse_number(whole,
                    "needs a step or a factor; valid: 0..0.9+0.3 or 0.001..1x10, or without one "
                    "2^-10..2^-3 or 1..5");
    }
  }
  if (!rest.empty()) {
    rest.remove_prefix(1);
    stride.amount = take_number(rest, whole);
    if (!rest.empty()) refuse_number(whole, "goes on after the range's step");
  }
  if (stride.kind == Stride::Kind::kMultiply) {
    if (!(stride.amount > 1) || !(first.value > 0)) {
      refuse_number(whole, "has a factor; valid: one above 1, and a first value above 0");
    }
    stride.count =
        std::floor(std::log(last.value / first.value) / std::log(stride.amount) + kSlack) + 1;
  } else {
    if (!(stride.amount > 0)) refuse_number(whole, "has a step that is not above 0");
    stride.count = std::floor((last.value - first.value) / stride.amount + kSlack) + 1;
  }
  return stride;
}

double value_at(const Point& first, const Stride& stride, int i) {
  switch (stride.kind) {
    case Stride::Kind::kPower:
      return power(first.base, first.exponent + (stride.amount < 0 ? -i : i));
    case Stride::Kind::kMultiply:
      return without_rounding_noise(first.value * power(stride.amount, i));
    case Stride::Kind::kAdd:
      break;
  }
  return without_rounding_noise(first.value + stride.amount * i);
}

}  // namespace

std::vector<std::string> expand_numbers(std::string_view text, std::size_t most) {
  const std::size_t dots = text.find("..");
  std::string_view rest = text;
  if (dots == std::string_view::npos) {
    if (text.find('^') == std::string_view::npos) return {};
    const Point point = take_point(rest, text);
    if (!rest.empty()) refuse_number(text, "is no power; valid: as in 2^-3");
    return {fmt::format("{}", point.value)};
  }
  std::string_view front = text.substr(0, dots);
  const Point first = take_point(front, text);
  if (!front.empty()) refuse_number(text, "is no range; valid: as in 2^-10..2^-3");
  rest = text.substr(dots + 2);
  const Point last = take_point(rest, text);
  if (first.value > last.value) refuse_number(text, "begins above its end");
  const Stride stride = stride_of(first, last, rest, text);
  if (!(stride.count <= static_cast<double>(most))) {
    refuse_number(text, fmt::format("has too many values; at most {}", most));
  }
  std::vector<std::string> values;
  values.reserve(static_cast<std::size_t>(stride.count));
  for (int i = 0; i < static_cast<int>(stride.count); ++i)
    values.push_back(fmt::format("{}", value_at(first, stride, i)));
  return values;
}

}  // namespace detox
