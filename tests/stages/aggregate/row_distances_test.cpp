#include "stages/aggregate/row_distances.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace detox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class T>
RowDistances distances_of(const std::vector<std::vector<T>>& values) {
  std::vector<const T*> pointers;
  pointers.reserve(values.size());
  for (const auto& row : values) pointers.push_back(row.data());
  ThreadPool pool(2);
  return distances_from_median(Rows<T>{pointers, values.front().size()}, pool);
}

std::vector<std::size_t> suspects(const RowDistances& distances) {
  std::vector<std::size_t> rows;
  for (const auto& suspect : distances.suspect) rows.push_back(suspect.row);
  return rows;
}

TEST(RowDistances, NameTheOnlyRowThatDiffersAtAll) {
  std::vector<std::vector<float>> rows(5, std::vector<float>(17, 0.25F));
  EXPECT_THAT(suspects(distances_of(rows)), IsEmpty());
  EXPECT_EQ(distances_of(rows).most_suspect, std::nullopt);
  rows[3][7] = std::nextafter(0.25F, 1.0F);
  const RowDistances distances = distances_of(rows);
  EXPECT_THAT(suspects(distances), ElementsAre(3));
  EXPECT_EQ(distances.most_suspect, 3U);
  EXPECT_EQ(distances.median, 0);
}

TEST(RowDistances, SuspectNoHonestRowOfASpread) {
  const RowDistances distances = distances_of<double>({{0, 1}, {1, 0}, {2, 1}, {1, 2}, {1, 1.5}});
  EXPECT_THAT(suspects(distances), IsEmpty());
  EXPECT_THAT(distances.of_row, ElementsAre(1, 1, 1, 1, 0.5));
}

TEST(RowDistances, NameRowsFarAwayAndNotFiniteOnes) {
  constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();
  const RowDistances distances =
      distances_of<double>({{0, 1}, {1, 0}, {-100, 1}, {1, 2}, {2, 1}, {kNotANumber, 1}, {1, 1}});
  EXPECT_THAT(suspects(distances), ElementsAre(2, 5));
  EXPECT_EQ(distances.suspect[1].reason, "not finite");
  EXPECT_EQ(distances.most_suspect, 5U);
}

TEST(RowDistances, NeitherOverflowNorVanish) {
  EXPECT_NEAR(distances_of<double>({{0, 0}, {0, 0}, {3e200, 4e200}}).of_row[2], 5e200, 1e188);
  EXPECT_NEAR(distances_of<double>({{0, 0}, {0, 0}, {3e-200, 4e-200}}).of_row[2], 5e-200, 1e-212);
  EXPECT_THAT(suspects(distances_of<double>({{-1e308}, {-1e308}, {1.7e308}})), ElementsAre(2));
}

TEST(RowDistances, TellNothingApartOfTwoRows) {
  const RowDistances distances = distances_of<float>({{0.1F, 0.7F}, {0.3F, 0.2F}});
  EXPECT_THAT(suspects(distances), IsEmpty());
  EXPECT_EQ(distances.most_suspect, std::nullopt);
}

TEST(RowDistances, CallNoFiniteRowNotFiniteWhereMostAre) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_THAT(suspects(distances_of<float>({{inf, 1}, {inf, 1}, {0, 1}})), ElementsAre(0, 1));
}

}  // namespace
}  // namespace detox
