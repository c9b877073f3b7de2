#include "cluster/step_table.hpp"

#include <gtest/gtest.h>

namespace detox {
namespace {

TEST(StepTable, SaysWhatFailedWhere) {
  StepTable table({"n1", "node2"});
  table.add("reach", {{"n1", "", ""}, {"node2", "", "no answer"}});
  table.add("keys", {{"n1", "", ""}});
  EXPECT_EQ(table.text(),
            "host   reach     keys\n"
            "n1     ok        ok\n"
            "node2  FAILED    -\n"
            "node2: reach failed: no answer\n");
  EXPECT_FALSE(table.is_all_ok());
  EXPECT_TRUE(table.is_ok("n1", "keys"));
  EXPECT_FALSE(table.is_ok("node2", "keys"));
}

TEST(StepTable, IsAllOkWhereNothingFailed) {
  StepTable table({"n1"});
  table.add("reach", {{"n1", "", ""}});
  EXPECT_TRUE(table.is_all_ok());
}

}  // namespace
}  // namespace detox
