#include "round/first_resolved.hpp"

#include <gtest/gtest.h>

namespace detox {
namespace {

using Slices = std::vector<std::uint32_t>;

TEST(FirstResolved, AreTheFirstThatGotTheirMajoritiesInTheOrderOfTheirNumbers) {
  FirstResolved first(3);
  for (const std::uint32_t slice : {7U, 2U, 7U}) first.note(slice);
  EXPECT_FALSE(first.has_enough());
  EXPECT_EQ(first.chosen(), (Slices{2, 7}));
  first.note(4);
  EXPECT_TRUE(first.has_enough());
  for (const std::uint32_t slice : {0U, 1U}) first.note(slice);
  EXPECT_EQ(first.chosen(), (Slices{2, 4, 7}));
}

}  // namespace
}  // namespace detox
