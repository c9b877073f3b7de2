#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/learner.hpp"

namespace detox {
namespace {

std::string profile_of(const char* network) {
  return make_learner(network, {1, 28, 28}, 10)->numerical_profile();
}

constexpr const char* kChannelsFirst = "FC";
constexpr const char* kChannelsLast = "LeNet";

TEST(NumericalProfile, NamesEveryLibraryAndWhatItComputesWith) {
  const std::string profile = profile_of(kChannelsFirst);
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
  std::jthread([&] { there = profile_of(kChannelsLast); }).join();
  EXPECT_EQ(there, profile_of(kChannelsLast));
}

TEST(NumericalProfile, HoldsTheMemoryLayout) {
  EXPECT_NE(profile_of(kChannelsLast), profile_of(kChannelsFirst));
}

}  // namespace
}  // namespace detox
