#include "launch/numerics_option.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_directory.hpp"

namespace detox {
namespace {

TEST(NumericsOption, IsFoundInACommandThatIsPassedOn) {
  EXPECT_EQ(numerics_option({"train", "--lr", "0.1"}), "auto");
  EXPECT_EQ(numerics_option({"train", "--numerics", "portable"}), "portable");
  EXPECT_EQ(numerics_option({"train", "--numerics=Native", "--lr", "1"}), "native");
  EXPECT_EQ(numerics_option({"train", "--numerics", "native", "--numerics", "auto"}), "auto");
  EXPECT_EQ(numerics_option({"train", "--numerics"}), "auto");
  EXPECT_EQ(numerics_option({"train", "--numerics", "fast"}), "auto");  // train will say so
}

TEST(NumericsOption, IsFoundInConfigurationFilesUnderTheCommandLine) {
  const TemporaryDirectory directory;
  const std::string file = directory / "native.toml";
  std::ofstream(file) << "numerics = \"native\"\n";
  EXPECT_EQ(numerics_option({"train", "--config", file}), "native");
  EXPECT_EQ(numerics_option({"train", "--numerics", "portable", "--config=" + file}), "portable");
  EXPECT_EQ(numerics_option({"train", "--config", "no such file"}), "auto");
}

}  // namespace
}  // namespace detox
