// The progress of a search. Tests have no terminal.
#include "experiment/watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace detox {
namespace {

using testing::HasSubstr;

TEST(StepLine, IsWhatTrainPrints) {
  const auto line = step_line("step 10/200  loss 0.6123  accuracy 81.2%  0:03 left");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->step, 10U);
  EXPECT_EQ(line->last_step, 200U);
  EXPECT_EQ(line->loss, "0.6123");
  EXPECT_EQ(step_line("step 1/1  loss -  accuracy -  0:00 left")->loss, "-");
}

TEST(StepLine, IsNoOtherLine) {
  for (const std::string line :
       {"", "step", "step x/2  loss 1", "step 1", "step 1/2 loss 3", "finished: step 3 in output",
        "warning: step 1/2  loss 3", "step 99999999999999999999/2  loss 1"}) {
    EXPECT_FALSE(step_line(line)) << line;
  }
}

TEST(Watch, TellsWhatBeginsAndEndsAndWhatWasThere) {
  testing::internal::CaptureStderr();
  {
    Watch watch(3, 200);
    watch.started("lr=0.1");
    watch.line("lr=0.1", "step 10/200  loss 0.6123  accuracy 81.2%  0:03 left");
    watch.line("lr=0.1", "warning: the disk is full");
    watch.look();
    watch.ended("lr=0.1", "loss 0.5", true);
    watch.ended("lr=0.2", "loss 0.4", false);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text,
            "lr=0.1: started\nlr=0.1: warning: the disk is full\n[1/3] lr=0.1: loss 0.5\n"
            "[2/3] lr=0.2: loss 0.4 (was there already)\n");
}

TEST(Watch, SaysOnceWhatManyRunsWarnOfBeforeTheirSteps) {
  testing::internal::CaptureStderr();
  {
    Watch watch(2, 200);
    for (const std::string run : {"a", "b"}) {
      watch.line(run, "warning: the mean bears none");
      watch.line(run, "warning: " + run + " alone");
      watch.line(run, "step 10/200  loss 0.6123  accuracy 81.2%  0:03 left");
      watch.line(run, "warning: the disk is full");
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "a: warning: the mean bears none\na: warning: a alone\na: warning: the disk is full\n"
            "b: warning: b alone\nb: warning: the disk is full\n");
}

}  // namespace
}  // namespace detox
