#include "kernels/moments.hpp"

#include <gtest/gtest.h>

#include "kernels/every_target.hpp"
#include "kernels/samples.hpp"

namespace detox {
namespace {

struct Found {
  std::vector<double> mean, deviation;
  bool operator==(const Found&) const = default;
};

Found moments_of(test::Sample<float>& sample, std::size_t begin, std::size_t count) {
  Found found{std::vector<double>(count), std::vector<double>(count)};
  column_moments(sample.rows(), begin, found.mean, found.deviation);
  return found;
}

TEST(Moments, EqualTheReferenceAlsoBesideALargeMean) {
  for (const std::size_t n : {1UL, 2UL, 15UL, 45UL}) {
    for (const float offset : {0.0F, 1e6F}) {
      auto sample = test::normal_sample<float>(n, 333, n);
      for (auto& row : sample.values) {
        for (float& value : row) value += offset;
      }
      const reference::Moments expected = reference::column_moments(sample.matrix());
      const Found found = moments_of(sample, 0, 333);
      for (std::size_t c = 0; c < 333; ++c) {
        ASSERT_NEAR(found.mean[c], expected.mean[c], 1e-15 * (1.0 + static_cast<double>(offset)));
        ASSERT_NEAR(found.deviation[c], expected.deviation[c], 1e-9 * expected.deviation[c]);
      }
    }
  }
}

TEST(Moments, AreTheSameBitsOnEveryTargetAndForEveryPartOfTheColumns) {
  auto sample = test::normal_sample<float>(15, 203, 1);
  const Found whole = moments_of(sample, 0, 203);
  test::on_every_target([&](const char* target) {
    EXPECT_EQ(moments_of(sample, 0, 203), whole) << target;
    const Found part = moments_of(sample, 7, 100);
    EXPECT_TRUE(std::equal(part.mean.begin(), part.mean.end(), whole.mean.begin() + 7)) << target;
    EXPECT_TRUE(
        std::equal(part.deviation.begin(), part.deviation.end(), whole.deviation.begin() + 7))
        << target;
  });
}

}  // namespace
}  // namespace detox
