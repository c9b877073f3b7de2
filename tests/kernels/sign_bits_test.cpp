#include "kernels/sign_bits.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/every_target.hpp"
#include "kernels/samples.hpp"

namespace detox {
namespace {

constexpr std::size_t kSizes[] = {1, 7, 8, 9, 63, 64, 65, 127, 128, 255, 256, 257, 511, 513, 1000};

std::vector<std::vector<std::byte>> random_bits(std::size_t n, std::size_t d) {
  test::Random random(n + 1000 * d);
  std::vector<std::vector<std::byte>> rows(n, std::vector<std::byte>(packed_sign_bytes(d)));
  for (auto& row : rows) {
    for (std::byte& byte : row) byte = static_cast<std::byte>(random.below(256));
  }
  return rows;
}

std::vector<const std::byte*> pointers_to(const std::vector<std::vector<std::byte>>& rows) {
  std::vector<const std::byte*> pointers(rows.size());
  std::ranges::transform(rows, pointers.begin(), [](const auto& row) { return row.data(); });
  return pointers;
}

bool bit(const std::vector<std::byte>& row, std::size_t i) {
  return (std::to_integer<unsigned>(row[i / 8]) >> (i % 8) & 1U) != 0;
}

TEST(PackedSigns, AreTheSignBitsOfTheValuesOnEveryTarget) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const float tiny = std::numeric_limits<float>::denorm_min();
  for (const std::size_t d : kSizes) {
    auto sample = test::normal_sample<float>(1, d, d);
    std::vector<float>& values = sample.values[0];
    const float awkward[] = {0.0F, -0.0F, nan, -nan, infinity, -infinity, tiny, -tiny};
    for (std::size_t i = 0; i < d; i += 5) values[i] = awkward[i % 8];
    for (const std::uint64_t step : {0UL, 1UL}) {
      std::vector<std::byte> expected(packed_sign_bytes(d));
      for (std::size_t i = 0; i < d; ++i) {
        if (sign_bit(values[i], i, step)) expected[i / 8] |= std::byte{1} << (i % 8);
      }
      test::on_every_target([&](const char* target) {
        std::vector<std::byte> bits(packed_sign_bytes(d), std::byte{0xAB});
        pack_signs(values, step, bits);
        ASSERT_EQ(bits, expected) << d << ", " << target;
      });
    }
  }
}

TEST(PackedSigns, MajorityIsThatOfTheCountedBitsOnEveryTarget) {
  for (std::size_t n = 1; n <= 70; ++n) {
    const std::size_t d = kSizes[n % std::size(kSizes)] + 256 * (n % 2);
    const auto rows = random_bits(n, d);
    const std::vector<const std::byte*> pointers = pointers_to(rows);
    std::vector<float> expected(d);
    for (std::size_t i = 0; i < d; ++i) {
      std::ptrdiff_t sum = 0;
      for (const auto& row : rows) sum += bit(row, i) ? -1 : 1;
      expected[i] = static_cast<float>((sum > 0) - (sum < 0));
    }
    test::on_every_target([&](const char* target) {
      std::vector<float> out(d, 7.0F);
      packed_sign_majority(pointers, 0, d, out);
      ASSERT_EQ(out, expected) << n << " rows of " << d << ", " << target;
    });
  }
}

TEST(PackedSigns, CountAsManyRowsAsThereCanBe) {
  for (const std::size_t n : {255UL, 256UL, 1023UL, 65534UL, 65535UL}) {
    const std::vector<std::byte> minus(64, std::byte{0xFF}), plus(64, std::byte{0});
    std::vector<const std::byte*> rows(n, plus.data());
    for (std::size_t i = 0; i < n / 2; ++i) rows[2 * i] = minus.data();
    std::vector<float> out(512);
    packed_sign_majority(rows, 0, 512, out);
    EXPECT_EQ(out, std::vector<float>(512, n % 2 == 0 ? 0.0F : 1.0F)) << n;
    rows[1] = rows[3] = minus.data();
    packed_sign_majority(rows, 0, 512, out);
    EXPECT_EQ(out, std::vector<float>(512, -1.0F)) << n;
  }
}

TEST(PackedSigns, WriteOnlyTheCoordinatesThatWereAskedFor) {
  const auto rows = random_bits(5, 1000);
  const std::vector<const std::byte*> pointers = pointers_to(rows);
  std::vector<float> whole(1000), part(1000, 7.0F);
  packed_sign_majority(pointers, 0, 1000, whole);
  packed_sign_majority(pointers, 200, 700, part);
  for (std::size_t i = 0; i < 1000; ++i)
    ASSERT_EQ(part[i], i >= 200 && i < 700 ? whole[i] : 7.0F) << i;
}

}  // namespace
}  // namespace detox
