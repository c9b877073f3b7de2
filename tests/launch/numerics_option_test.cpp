#include "launch/numerics_option.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_directory.hpp"

namespace detox {
namespace {

TEST(NumericsOption, IsFoundInACommandThatIsPassedOn) {
  EXPECT_EQ(numerics_option({"train", "--lr", "0.1"}), Numerics::kAuto);
  EXPECT_EQ(numerics_option({"train", "--numerics", "portable"}), Numerics::kPortable);
  EXPECT_EQ(numerics_option({"train", "--numerics=Native", "--lr", "1"}), Numerics::kNative);
  EXPECT_EQ(numerics_option({"train", "--numerics", "native", "--numerics", "auto"}),
            Numerics::kAuto);
  EXPECT_EQ(numerics_option({"train", "--numerics"}), Numerics::kAuto);
  EXPECT_EQ(numerics_option({"train", "--numerics", "fast"}),
            Numerics::kAuto);  // train will say so
}

TEST(NumericsOption, IsFoundInConfigurationFilesUnderTheCommandLine) {
  const TemporaryDirectory directory;
  const std::string file = directory / "native.toml";
  std::ofstream(file) << "numerics = \"native\"\n";
  EXPECT_EQ(numerics_option({"train", "--config", file}), Numerics::kNative);
  EXPECT_EQ(numerics_option({"train", "--numerics", "portable", "--config=" + file}),
            Numerics::kPortable);
  EXPECT_EQ(numerics_option({"train", "--config", "no such file"}), Numerics::kAuto);
}

}  // namespace
}  // namespace detox
