#include "host/numerics.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "detox/errors.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

/// What the probe prints, started by a shell line in an environment without any of the variables.
std::string probe(const std::string& environment, const std::string& arguments = "") {
  const std::string line =
      "env -u DETOX_PROFILE -u ATEN_CPU_CAPABILITY -u OPENBLAS_CORETYPE -u DNNL_MAX_CPU_ISA "
      "-u DETOX_PROFILE_PINNED -u ONEDNN_MAX_CPU_ISA -u ONEDNN_CPU_ISA_HINTS "
      "-u ONEDNN_DEFAULT_FPMATH_MODE " +
      environment + " " NUMERICS_PROBE " " + arguments + " 2>&1";
  std::string text;
  FILE* pipe = popen(line.c_str(), "r");
  std::array<char, 256> part{};
  while (fgets(part.data(), part.size(), pipe) != nullptr) text += part.data();
  pclose(pipe);
  return text;
}

TEST(Numerics, ProfilesAreThoseThatWereFoundToAgreeBetweenProcessors) {
  EXPECT_EQ(profile_for(Vectors::kAvx512), "avx512");
  EXPECT_EQ(profile_for(Vectors::kAvx2), "portable");
  EXPECT_EQ(profile_for(Vectors::kNone), "baseline");
  EXPECT_THAT(profile_variables("avx512"), Contains(Pair("OPENBLAS_CORETYPE", "SkylakeX")));
  EXPECT_THAT(profile_variables("portable"), Contains(Pair("DNNL_MAX_CPU_ISA", "AVX2")));
  EXPECT_THAT(profile_variables("baseline"), Contains(Pair("ATEN_CPU_CAPABILITY", "default")));
}

TEST(Numerics, AreThoseOfTheProcessorOnOneThreadWithTheArgumentsKept) {
  const std::string text = probe("", "train --name 'two words' ''");
  for (const auto& [name, value] : profile_variables(profile_for(vectors_of_this_processor()))) {
    EXPECT_THAT(text, HasSubstr(fmt::format("{}={}\n", name, value)));
  }
  EXPECT_THAT(text, HasSubstr("[train][--name][two words][]"));
  EXPECT_THAT(text, HasSubstr("starts=x\n"));
}

TEST(Numerics, WinOverWhatTheShellExports) {
  const std::string text = probe(
      "OPENBLAS_CORETYPE=Zen OMP_NUM_THREADS=7 ONEDNN_MAX_CPU_ISA=AVX DETOX_PROFILE=baseline");
  EXPECT_THAT(text, HasSubstr("OPENBLAS_CORETYPE=Prescott\n"));
  EXPECT_THAT(text, HasSubstr("OMP_NUM_THREADS=1\n"));
  EXPECT_THAT(text, HasSubstr("ONEDNN_MAX_CPU_ISA=SSE41\n"));
  EXPECT_THAT(text, HasSubstr("replaced OPENBLAS_CORETYPE=Zen\n"));
  EXPECT_THAT(text, HasSubstr("starts=x\n"));
}

TEST(Numerics, StartTheProgramOnceWhereTheyStandAlready) {
  std::string environment;
  for (const auto& [name, value] : profile_variables("baseline"))
    environment += fmt::format("{}={} ", name, value);
  EXPECT_THAT(probe(environment), HasSubstr("starts=x\n"));
}

TEST(Numerics, TakeTheProfileThatTheLauncherChose) {
  if (vectors_of_this_processor() == Vectors::kNone) GTEST_SKIP() << "no AVX2 here";
  EXPECT_THAT(probe("DETOX_PROFILE=portable"), HasSubstr("OPENBLAS_CORETYPE=Haswell\n"));
}

TEST(Numerics, RefuseAProfileThatThisProcessorCannotRun) {
  if (vectors_of_this_processor() == Vectors::kAvx512) GTEST_SKIP() << "this one can run all";
  EXPECT_THAT(probe("DETOX_PROFILE=avx512"),
              HasSubstr("error 1: the numerical profile avx512 needs"));
}

TEST(Numerics, AreTheProcessorsOwnForARankThatCannotRunTheLaunchersProfile) {
  if (vectors_of_this_processor() == Vectors::kAvx512) GTEST_SKIP() << "this one can run all";
  const std::string text = probe("DETOX_PROFILE=avx512 OMPI_COMM_WORLD_RANK=3");
  EXPECT_THAT(text, HasSubstr("cannot run the numerical profile avx512: this rank runs "));
  EXPECT_THAT(
      text, HasSubstr(fmt::format("DETOX_PROFILE={}\n", profile_for(vectors_of_this_processor()))));
}

TEST(Numerics, ProcessorIsNamedInPrintableWords) {
  EXPECT_THAT(processor_name(), testing::MatchesRegex("[ -~]+"));
}

TEST(Numerics, RefuseAnUnknownProfileAndListTheValidOnes) {
  EXPECT_THAT(probe("DETOX_PROFILE=avx1024"),
              testing::AllOf(HasSubstr("error 2: "), HasSubstr("portable")));
  EXPECT_THROW(profile_variables("fast"), UsageError);
}

}  // namespace
}  // namespace detox
