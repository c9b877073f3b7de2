#include "launch/foreign_job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::HasSubstr;

constexpr const char* kNames[] = {"OMPI_COMM_WORLD_SIZE",
                                  "PMI_SIZE",
                                  "PMI_RANK",
                                  "SLURM_STEP_NUM_TASKS",
                                  "SLURM_NTASKS",
                                  "WORLD_SIZE",
                                  "RANK",
                                  "MV2_COMM_WORLD_SIZE",
                                  "MV2_COMM_WORLD_RANK",
                                  "SLURM_PROCID",
                                  "TORCHELASTIC_RUN_ID"};

std::optional<ForeignJob> job_in(const std::map<std::string, std::string>& environment) {
  for (const char* name : kNames) unsetenv(name);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  return foreign_job();
}

class Foreign : public testing::Test {
 protected:
  void TearDown() override { job_in({}); }
};

TEST_F(Foreign, JobIsKnownByWhatItsStarterSays) {
  const auto mpich = job_in({{"PMI_SIZE", "4"}, {"PMI_RANK", "3"}});
  ASSERT_TRUE(mpich);
  EXPECT_EQ(mpich->variable, "PMI_SIZE=4");
  EXPECT_EQ(mpich->rank, 3);
  EXPECT_EQ(mpich->size, 4);
  const auto slurm = job_in({{"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_PROCID", "0"}});
  ASSERT_TRUE(slurm);
  EXPECT_EQ(slurm->variable, "SLURM_STEP_NUM_TASKS=2");
  EXPECT_TRUE(job_in({{"SLURM_NTASKS", "2"}, {"SLURM_PROCID", "1"}}));
  EXPECT_TRUE(job_in({{"MV2_COMM_WORLD_SIZE", "2"}, {"MV2_COMM_WORLD_RANK", "0"}}));
  EXPECT_TRUE(job_in({{"WORLD_SIZE", "2"}, {"RANK", "0"}, {"TORCHELASTIC_RUN_ID", "none"}}));
}

TEST_F(Foreign, JobIsNoneWhereThisIsTheOnlyProcessOrOpenMpisMpirunStartedIt) {
  EXPECT_FALSE(job_in({}));
  EXPECT_FALSE(job_in({{"PMI_SIZE", "1"}, {"PMI_RANK", "0"}}));
  EXPECT_FALSE(job_in({{"PMI_SIZE", "4"}}));
  EXPECT_FALSE(job_in({{"WORLD_SIZE", "2"}, {"RANK", "0"}})) << "anybody may have set these";
  EXPECT_FALSE(job_in({{"PMI_SIZE", "many"}, {"PMI_RANK", "0"}}));
  EXPECT_FALSE(job_in({{"PMI_SIZE", "-4"}, {"PMI_RANK", "0"}}));
  EXPECT_FALSE(job_in({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}})) << "a batch script";
  EXPECT_FALSE(job_in({{"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_PROCID", "0"}}))
      << "an interactive step";
  EXPECT_FALSE(job_in(
      {{"OMPI_COMM_WORLD_SIZE", "4"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "1"}}));
}

TEST_F(Foreign, JobIsRefusedInWordsThatSayWhatToCall) {
  job_in({{"PMI_SIZE", "4"}, {"PMI_RANK", "0"}});
  try {
    refuse_foreign_job();
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("PMI_SIZE=4 says that this is one of 4 processes"));
    EXPECT_THAT(error.what(), HasSubstr("detoxml launch -n 4 -- train"));
  }
  job_in({});
  refuse_foreign_job();
}

TEST_F(Foreign, JobIsRefusedByWhatStartsRunsItself) {
  const auto said = [] {
    try {
      refuse_any_job("tune");
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  job_in({{"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "0"}});
  EXPECT_THAT(said(), HasSubstr("each would start all runs; valid: detoxml tune, called once"));
  job_in({{"OMPI_COMM_WORLD_SIZE", "4"}});
  EXPECT_EQ(said(),
            "tune starts its runs itself; valid: detoxml tune, called once, without mpirun");
  job_in({});
  EXPECT_EQ(said(), "");
}

}  // namespace
}  // namespace detox
