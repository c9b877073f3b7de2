#include "base/as_error.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace detox {
namespace {

TEST(AsError, KeepsTheLibrarysOwnErrorsAsTheyAre) {
  const Error error = as_error(UndefendedError("too many"));
  EXPECT_STREQ(error.what(), "too many");
  EXPECT_EQ(error.exit_code(), 3);
}

TEST(AsError, MakesTheStandardLibrarysErrorsTheEnvironments) {
  EXPECT_STREQ(as_error(std::bad_alloc()).what(), "out of memory");
  EXPECT_EQ(as_error(std::bad_alloc()).exit_code(), 1);
  const std::filesystem::filesystem_error refused(
      "refused", "/f", std::make_error_code(std::errc::permission_denied));
  EXPECT_STREQ(as_error(refused).what(), refused.what());
  EXPECT_EQ(as_error(refused).exit_code(), 1);
}

}  // namespace
}  // namespace detox
