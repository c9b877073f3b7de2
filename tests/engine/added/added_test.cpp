// A rule and an attack are one file and one line each: those of docs/your-own-rule.md, added as the
// page says, are trained with.
#include <gtest/gtest.h>

#include "base/mistakes.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

const Options kAdded = {{"workers", "15"},        {"worker-fail", "2"}, {"approach", "baseline"},
                        {"mode", "nearest-mean"}, {"err-mode", "lazy"}, {"batch-size", "4"},
                        {"max-steps", "6"},       {"eval-freq", "3"}};

TEST(AddedRuleAndAttack, TakePartInTrainingInOneProcessAndOverATransport) {
  const MemoryDirectory directory;
  ToyRun local(directory / "local", kAdded), remote(directory / "remote", kAdded),
      other(directory / "other", with(kAdded, {{"mode", "coord-median"}})),
      harmless(directory / "harmless", with(kAdded, {{"adversarial", "1"}}));
  for (ToyRun* run : {&local, &other, &harmless})
    ASSERT_EQ(run->over_local_engine(), RunEnd::kFinished);
  ASSERT_EQ(remote.over_network(), RunEnd::kFinished);
  EXPECT_EQ(local.final_model(), remote.final_model());
  EXPECT_NE(local.final_model(), other.final_model());
  EXPECT_NE(local.final_model(), harmless.final_model());
}

std::string refused(const Options& options) {
  try {
    const MemoryDirectory directory;
    const ToyRun run(directory / "run", options);
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(AddedRuleAndAttack, AreCheckedByTheirLines) {
  EXPECT_EQ(refused(with(kAdded, {{"adversarial", "2"}})),
            "--err-mode lazy: --adversarial is 2; valid: 0 to 1");
  EXPECT_TRUE(refused(with(kAdded, {{"worker-fail", "8"}}))
                  .starts_with("this defence cannot hold: nearest-mean needs n >= 2f + 1"));
}

TEST(AddedRuleAndAttack, AreInTheHelp) {
  EXPECT_NE(find_option("err-mode").help.find("lazy (c: factor)"), std::string::npos);
  EXPECT_NE(find_option("adversarial").help.find("lazy 0.1"), std::string::npos);
}

}  // namespace
}  // namespace detox
