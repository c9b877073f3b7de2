// evaluation.jsonl, read back.
#include "review/evaluations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "detox/errors.hpp"
#include "review/metrics.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::HasSubstr;

TEST(Evaluations, AreByStepAndTheLastOfAStepStands) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "e") << R"({"step":20,"loss":0.5,"prec1":80,"prec5":99})"
                              << "\n"
                              << R"({"step":10,"loss":"nan","prec1":9.8,"prec5":50})"
                              << "\n"
                              << R"({"step":20,"loss":0.25,"prec1":90,"prec5":100})"
                              << "\n"
                              << R"({"step":30,"lo)";
  const std::vector<Evaluation> all = read_evaluations(folder / "e", {});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].step, 10U);
  EXPECT_TRUE(std::isnan(all[0].loss));
  EXPECT_EQ(all[1].step, 20U);
  EXPECT_EQ(all[1].loss, 0.25);
  EXPECT_EQ(all[1].prec1, 90);
  EXPECT_EQ(all[1].prec5, 100);
  EXPECT_TRUE(read_evaluations(folder / "none", {}).empty());
}

TEST(Evaluations, AreNotOfWhatTheRunHasTakenBack) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "e") << R"({"model":"a","step":10,"loss":0.5,"prec1":10,"prec5":99}
{"model":"b","step":20,"loss":0.5,"prec1":20,"prec5":99}
{"attempt":1,"model":"c","step":20,"loss":0.5,"prec1":21,"prec5":99}
{"model":"d","step":30,"loss":0.5,"prec1":30,"prec5":99}
{"step":40,"loss":0.5,"prec1":40,"prec5":99}
)";
  const std::vector<Evaluation> all = read_evaluations(folder / "e", {{1, 32, 10}});
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].prec1, 10);
  EXPECT_EQ(all[1].prec1, 21);
  EXPECT_EQ(all[1].attempt, 1U);
  EXPECT_EQ(all[2].prec1, 40) << "scored by hand, once the run had ended";
}

TEST(Evaluations, AreRefusedWithTheLineThatIsNone) {
  const TemporaryDirectory folder;
  for (const char* bad : {"", "{}", R"({"step":1,"loss":1,"prec1":101,"prec5":3})",
                          R"({"step":1,"loss":1,"prec1":"nan","prec5":3})",
                          R"({"step":1,"loss":true,"prec1":1,"prec5":3})"}) {
    std::ofstream(folder / "e") << R"({"step":1,"loss":0.5,"prec1":80,"prec5":99})"
                                << "\n"
                                << bad << "\n";
    try {
      read_evaluations(folder / "e", {});
      FAIL() << bad;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("e:2: is no line of a run's evaluations"));
    }
  }
}

}  // namespace
}  // namespace detox
