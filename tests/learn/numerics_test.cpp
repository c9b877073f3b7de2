#include "learn/numerics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace detox {
namespace {

TEST(NumericalProfile, NamesEveryLibraryAndWhatItComputesWith) {
  const std::string profile = numerical_profile(MemoryLayout::kChannelsFirst);
  for (const char* part :
       {"libtorch ", "ATen ", "oneDNN ", "channels first", "1 intra-op thread"}) {
    EXPECT_THAT(profile, testing::HasSubstr(part));
  }
  EXPECT_THAT(profile, testing::AnyOf(testing::HasSubstr("OpenBLAS "), testing::HasSubstr("MKL ")));
  EXPECT_THAT(profile, testing::Not(testing::HasSubstr("unknown")));
  EXPECT_THAT(profile, testing::Not(testing::HasSubstr("\n")));
  EXPECT_THAT(profile, testing::Not(testing::HasSubstr("/")));
}

TEST(NumericalProfile, IsTheSameOnEveryThread) {
  std::string there;
  std::jthread([&] { there = numerical_profile(MemoryLayout::kChannelsLast); }).join();
  EXPECT_EQ(there, numerical_profile(MemoryLayout::kChannelsLast));
}

TEST(NumericalProfile, HoldsTheMemoryLayout) {
  EXPECT_NE(numerical_profile(MemoryLayout::kChannelsLast),
            numerical_profile(MemoryLayout::kChannelsFirst));
}

}  // namespace
}  // namespace detox
