// metrics.jsonl, read back.
#include "review/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "detox/errors.hpp"
#include "record/journal.hpp"
#include "record/step_record.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

StepReport report_of(std::uint64_t step) {
  StepReport report;
  report.step = step;
  report.lr = 0.01;
  report.loss = 2.5;
  report.accuracy = 0.25;
  report.seconds = {.broadcast = 1,
                    .compute = 2,
                    .receive = 3,
                    .vote = 4,
                    .aggregate = 5,
                    .update = 6,
                    .commit = 7,
                    .total = 28};
  report.bytes_in = 10;
  report.bytes_out = 20;
  report.assignment.workers_of_slice = {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}};
  report.asked = {{0, 1}, {3, 4, 5}, {6, 7}};
  report.unresolved = {1};
  return report;
}

TEST(MetricsFile, HoldsWhatTheRunWrote) {
  StepReport report = report_of(7);
  report.skipped_because = "n >= 2f + 3";
  report.weights_are_finite = false;
  const auto step = step_metrics(metrics_line(report, 2).dump());
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->step, 7U);
  EXPECT_EQ(step->lr, 0.01);
  EXPECT_EQ(step->loss, 2.5);
  EXPECT_EQ(step->accuracy, 0.25);
  EXPECT_EQ(step->seconds.broadcast, 1);
  EXPECT_EQ(step->seconds.commit, 7);
  EXPECT_EQ(step->seconds.total, 28);
  EXPECT_EQ(step->bytes_in, 10U);
  EXPECT_EQ(step->bytes_out, 20U);
  EXPECT_EQ(step->computed, 7U);
  EXPECT_EQ(step->resolved, 2U);
  EXPECT_EQ(step->unresolved, 1U);
  EXPECT_EQ(step->corrupted, 2U);
  EXPECT_TRUE(step->skipped);
  EXPECT_TRUE(step->diverged);
  EXPECT_EQ(step->skipped_because, "n >= 2f + 3");
}

TEST(MetricsFile, TellsNoLossFromOneThatIsNotFinite) {
  StepReport report = report_of(1);
  report.loss = std::nan("");
  EXPECT_TRUE(std::isnan(*step_metrics(metrics_line(report, {}).dump())->loss));
  report.loss = -INFINITY;
  EXPECT_EQ(step_metrics(metrics_line(report, {}).dump())->loss, -INFINITY);
  report.loss.reset();
  report.unresolved = {0, 1, 2};
  EXPECT_EQ(step_metrics(metrics_line(report, {}).dump())->loss, std::nullopt);
  EXPECT_TRUE(std::isnan(*step_metrics(R"({"step":1,"loss":null,"resolved":3})")->loss))
      << "as earlier versions wrote it";
}

TEST(MetricsFile, HasTheStepsThatStandAndTheCostsOfAll) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "m")
      << R"({"step":1,"loss":3,"resolved":3,"computed":9,"seconds":{"total":1}}
{"step":2,"loss":9,"resolved":3,"computed":9,"seconds":{"total":2}}
{"step":3,"loss":9,"resolved":3,"computed":9,"seconds":{"total":4}}
{"attempt":1,"back_from":3,"back_to":1,"convicted":"2:1:3:out","step":1}
{"attempt":1,"step":2,"loss":2,"resolved":3,"computed":8,"seconds":{"total":8,"vote":1}}
)";
  const RunMetrics all = read_metrics(folder / "m");
  ASSERT_EQ(all.steps.size(), 2U);
  EXPECT_EQ(all.steps[1].loss, 2.0);
  EXPECT_EQ(all.steps[1].attempt, 1U);
  EXPECT_THAT(all.backs, ElementsAre(TakenBack{1, 3, 1}));
  EXPECT_EQ(all.costs.steps, 4U);
  EXPECT_EQ(all.costs.seconds.total, 15);
  EXPECT_EQ(all.costs.seconds.vote, 1);
  EXPECT_EQ(all.costs.computed, 35U);
}

TEST(MetricsFile, IsReadOnWhileTheRunAddsToIt) {
  const TemporaryDirectory folder;
  RunMetrics metrics;
  MetricsReader reader(folder / "m");
  EXPECT_FALSE(reader.read_on(metrics)) << "there is no such file yet";
  Journal journal(folder / "m");
  ASSERT_TRUE(journal.append(metrics_line(report_of(1), {})));
  EXPECT_TRUE(reader.read_on(metrics));
  EXPECT_EQ(metrics.steps.size(), 1U);
  EXPECT_FALSE(reader.read_on(metrics));
  const std::string line = metrics_line(report_of(2), {}).dump() + "\n";
  std::ofstream half(folder / "m", std::ios::app);
  half << line.substr(0, 20) << std::flush;
  EXPECT_FALSE(reader.read_on(metrics)) << "half a line is none";
  half << line.substr(20) << std::flush;
  EXPECT_TRUE(reader.read_on(metrics));
  EXPECT_EQ(metrics.steps.back().step, 2U);
}

TEST(MetricsFile, IsReadAnewWhereAResumedRunHasCutItBack) {
  const TemporaryDirectory folder;
  {
    Journal journal(folder / "m");
    for (std::uint64_t step = 1; step <= 5; ++step)
      ASSERT_TRUE(journal.append(metrics_line(report_of(step), {})));
  }
  RunMetrics metrics;
  MetricsReader reader(folder / "m");
  reader.read_on(metrics);
  Journal resumed(folder / "m", 2);
  for (std::uint64_t step = 3; step <= 6; ++step) {
    StepReport report = report_of(step);
    report.loss = 1;
    ASSERT_TRUE(resumed.append(metrics_line(report, {})));
  }
  EXPECT_TRUE(reader.read_on(metrics));
  ASSERT_EQ(metrics.steps.size(), 6U);
  EXPECT_EQ(metrics.steps[2].loss, 1);
  EXPECT_EQ(metrics.costs.steps, 6U);
}

TEST(MetricsFile, IsRefusedWithTheLineThatIsNone) {
  const TemporaryDirectory folder;
  const std::string good = R"({"step":1,"loss":2.5,"resolved":3})",
                    next = R"({"step":2,"loss":2.5,"resolved":3})";
  for (const std::string& bad :
       {std::string("nonsense"), std::string("[]"), std::string("{}"),
        std::string(R"({"step":-1,"resolved":1})"), std::string(R"({"step":1})"), std::string(),
        std::string("\xff\xfe"), std::string(R"({"step":2,"resolved":"3"})"),
        std::string(R"({"step":0,"resolved":3})"),
        std::string(R"({"step":18446744073709551615,"resolved":3})"),
        std::string(R"({"step":2,"attempt":70000,"resolved":3})"),
        std::string(R"({"step":2,"resolved":3,"loss":1e999})"), std::string(100000, '['),
        std::string("\0", 1), good, std::string(R"({"back_from":1,"attempt":0,"step":0})")}) {
    std::ofstream(folder / "m") << good << "\n" << bad << "\n" << next << "\n";
    try {
      read_metrics(folder / "m");
      FAIL() << bad;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("m:2: is no line of a run's metrics")) << bad;
    }
  }
}

TEST(MetricsFile, IsNoFolderAndMayBeMissing) {
  const TemporaryDirectory folder;
  EXPECT_TRUE(read_metrics(folder / "none").steps.empty());
  EXPECT_TRUE(read_metrics(folder / "none" / "deeper").steps.empty());
  EXPECT_THROW(read_metrics(folder.path()), InputError);
}

}  // namespace
}  // namespace detox
