// Random streams and elementary functions.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/elementary.hpp"
#include "base/json_number.hpp"
#include "base/normal.hpp"
#include "detox/random.hpp"
#include "stages/digests/recorded.hpp"

namespace detox {
namespace {

using test::Fold;

Fold& operator<<(Fold& fold, const Key& key) {
  return fold << std::vector<std::byte>(key.begin(), key.end());
}

/// A thousand values in (0, 1), close to both ends too.
std::vector<double> between_zero_and_one() {
  std::vector<double> values;
  for (int i = 1; i < 900; ++i) values.push_back(i / 900.0);
  for (int i = 4; i < 54; ++i) {
    values.push_back(std::ldexp(1.0, -i));
    values.push_back(1 - std::ldexp(1.0, -i));
  }
  return values;
}

void add_streams(test::Lines& lines) {
  const Key root = key_from_seed(428);
  lines.add("keys", [&](Fold& fold) {
    for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{428}, ~std::uint64_t{0}})
      fold << key_from_seed(seed);
    const std::vector<std::byte> secret(40, std::byte{0xA5});
    fold << key_from_secret(secret) << derive_key(root, "step", {1, ~std::uint64_t{0}});
  });
  lines.add("stream", [&](Fold& fold) {
    RandomStream stream(derive_key(root, "stream"));
    for (int i = 0; i < 1000; ++i) fold << stream.next();
    for (std::uint64_t bound = 1; bound < (std::uint64_t{1} << 62U); bound = 3 * bound + 1)
      fold << stream.below(bound);
    std::vector<std::uint32_t> order(1001);
    std::iota(order.begin(), order.end(), 0U);
    stream.shuffle(order);
    fold << order;
  });
  lines.add("normal values", [&](Fold& fold) {
    RandomStream stream(derive_key(root, "normal"));
    for (const std::size_t count : {1U, 17U, 20000U}) {
      std::vector<float> values(count);
      stream.fill_normal(values);
      fold << values;
    }
  });
}

void add_functions(test::Lines& lines) {
  const std::vector<double> values = between_zero_and_one();
  lines.add("logarithm", [&](Fold& fold) {
    for (const double value : values)
      for (const double scale : {1.0, 2.0, 1e-300, 1e300}) fold << natural_log(value * scale);
  });
  lines.add("cosine", [&](Fold& fold) {
    for (const double value : values) fold << cos_pi(value);
    fold << cos_pi(0) << cos_pi(1);
  });
  lines.add("quantile", [&](Fold& fold) {
    for (const double value : values) fold << inverse_normal_cdf(value);
    fold << inverse_normal_cdf(0) << inverse_normal_cdf(1);
  });
  lines.add("text of numbers", [&](Fold& fold) {
    for (const double value : values) {
      fold << fmt::format("{} {:.4f}", value, value);
      fold << json_number(value / 3).dump() << std::stod(fmt::format("{}", value / 7));
    }
  });
}

TEST(DigestsOfBase, AreThoseThatX86Wrote) {
  test::expect_recorded("base", [](test::Lines& lines) {
    add_streams(lines);
    add_functions(lines);
  });
}

}  // namespace
}  // namespace detox
