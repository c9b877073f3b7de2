#include "detox/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

namespace detox {
namespace {

TEST(RandomStream, IsTheChaCha20KeyStreamOfTheRfc) {
  // RFC 8439, appendix A.1, test vector 1: zero key, zero nonce, counter 0
  RandomStream stream(Key{});
  EXPECT_EQ(stream.next(), 0x903df1a0ade0b876ULL);
  EXPECT_EQ(stream.next(), 0x28bd8653e56a5d40ULL);
}

TEST(RandomStream, GivesTheSameNumbersForTheSameKey) {
  RandomStream a(key_from_seed(428)), b(key_from_seed(428)), c(key_from_seed(429));
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t value = a.next();
    EXPECT_EQ(value, b.next());
    EXPECT_NE(value, c.next());
  }
}

TEST(RandomStream, DrawsBelowABoundWithoutBias) {
  RandomStream stream(key_from_seed(1));
  std::vector<int> counts(7);
  constexpr int kDraws = 70000;
  for (int i = 0; i < kDraws; ++i) ++counts[stream.below(7)];
  double chi_squared = 0;
  for (const int count : counts) chi_squared += (count - 10000.0) * (count - 10000.0) / 10000.0;
  EXPECT_LT(chi_squared, 22.5);  // 6 degrees of freedom, p = 0.001
}

TEST(RandomStream, ShufflesToEveryPermutation) {
  std::set<std::vector<std::uint32_t>> seen;
  RandomStream stream(key_from_seed(2));
  for (int i = 0; i < 500; ++i) {
    std::vector<std::uint32_t> items = {0, 1, 2, 3};
    stream.shuffle(items);
    seen.insert(items);
  }
  EXPECT_EQ(seen.size(), 24U);
}

TEST(RandomStream, FillsWithStandardNormals) {
  std::vector<float> values(200000);
  RandomStream(key_from_seed(3)).fill_normal(values);
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / 200000;
  double variance = 0;
  for (const float value : values) variance += (value - mean) * (value - mean) / 200000;
  EXPECT_NEAR(mean, 0.0, 4 / std::sqrt(200000.0));
  EXPECT_NEAR(variance, 1.0, 4 * std::sqrt(2 / 200000.0));
}

TEST(DerivedKeys, DependOnParentNameAndEveryCounter) {
  const Key root = key_from_seed(428);
  const std::set<Key> keys = {root,
                              derive_key(root, "data"),
                              derive_key(root, "date"),
                              derive_key(root, "data", {0}),
                              derive_key(root, "data", {1}),
                              derive_key(root, "data", {0, 1}),
                              derive_key(root, "data", {1, 0}),
                              derive_key(key_from_seed(1), "data")};
  EXPECT_EQ(keys.size(), 8U);
}

TEST(DerivedKeys, OfASecretAreNotThoseOfASeed) {
  const std::uint64_t seed = 428;
  EXPECT_NE(key_from_seed(seed), key_from_secret(std::as_bytes(std::span(&seed, 1))));
}

}  // namespace
}  // namespace detox
