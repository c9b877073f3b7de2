#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "detox/learner.hpp"

namespace detox {
namespace {

TEST(NumericalProfile, NamesEveryLibraryAndWhatItComputesWith) {
  const std::string profile = numerical_profile();
  for (const char* part : {"libtorch ", "ATen ", "oneDNN ", "layout nchw", "1 intra-op thread"}) {
    EXPECT_THAT(profile, testing::HasSubstr(part));
  }
  EXPECT_THAT(profile, testing::AnyOf(testing::HasSubstr("OpenBLAS "), testing::HasSubstr("MKL ")));
  EXPECT_THAT(profile, testing::Not(testing::HasSubstr("unknown")));
  EXPECT_THAT(profile, testing::Not(testing::HasSubstr("\n")));
  EXPECT_THAT(profile, testing::Not(testing::HasSubstr("/")));
}

TEST(NumericalProfile, IsTheSameOnEveryThread) {
  std::string there;
  std::jthread([&] { there = numerical_profile(); }).join();
  EXPECT_EQ(there, numerical_profile());
}

}  // namespace
}  // namespace detox
