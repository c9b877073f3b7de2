// How a run stands, by its folder.
#include "review/standing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "config/options.hpp"
#include "detox/errors.hpp"
#include "record/run_directory.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

TEST(RunStanding, IsWhatTheRunSaysUnlessNobodyHoldsIt) {
  const TemporaryDirectory folder;
  EXPECT_EQ(standing_of(folder / "none").condition, RunCondition::kAbsent);
  {
    const RunDirectory run = RunDirectory::create(folder / "run");
    EXPECT_EQ(standing_of(run.path()).condition, RunCondition::kAbsent);
    run.write_status({RunState::kRunning, 3, ""});
    EXPECT_EQ(standing_of(run.path()).condition, RunCondition::kRunning);
  }
  EXPECT_EQ(standing_of(folder / "run").condition, RunCondition::kKilled);
  EXPECT_EQ(standing_of(folder / "run").step, 3U);
  const RunDirectory run = RunDirectory::open_for_resume(folder / "run");
  for (const RunState state :
       {RunState::kFinished, RunState::kInterrupted, RunState::kFailed, RunState::kDiverged}) {
    run.write_status({state, 4, "why"});
    const RunStanding standing = standing_of(run.path());
    EXPECT_EQ(to_string(standing.condition), to_string(state));
    EXPECT_EQ(standing.message, "why");
  }
}

TEST(ConfigOfRun, IsRefusedInOneLineWhereItIsDamaged) {
  const TemporaryDirectory folder;
  EXPECT_FALSE(config_of_run(folder.path()).has_value());
  std::ofstream(folder / "config.toml") << "workers = 12\nbuckets = 'many'\n";
  try {
    config_of_run(folder.path());
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("buckets"));
  }
}

// Another's run directory may name any file.
TEST(PlanOfRun, OpensNoLibraryAndNoSocketThatTheConfigurationNames) {
  const TemporaryDirectory folder;
  RunConfig config;
  config.workers = 12;
  config.worker_fail = 2;
  config.mode = (folder / "rule.so").string() + "@sha256:" + std::string(64, '0');
  config.inner_mode = (folder / "socket").string() + "@function:" + std::string(64, '0');
  config.err_mode = (folder / "attack").string() + "@function:" + std::string(64, '0');
  EXPECT_THROW(make_plan(resolve(config, 0)), InputError);
  const Plan plan = plan_of_run(config);
  EXPECT_EQ(plan.workers, 12U);
  EXPECT_EQ(plan.k, 4U);
  config.worker_fail = 12;
  EXPECT_THROW(plan_of_run(config), InputError);
}

}  // namespace
}  // namespace detox
