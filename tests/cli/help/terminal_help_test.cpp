#include "cli/help/terminal_help.hpp"

#include <gtest/gtest.h>

namespace detox {
namespace {

TEST(WrappedHelp, GoesOnBelowWhereTheTextOfAnOptionBegins) {
  EXPECT_EQ(
      wrapped_help("Options:\n  --lr X|auto     learning rate × 2, unless it says more\n", 30),
      "Options:\n"
      "  --lr X|auto     learning\n"
      "                  rate × 2,\n"
      "                  unless it\n"
      "                  says more\n");
}

TEST(WrappedHelp, LeavesShortLinesCommandsAndLongWordsWhole) {
  for (const std::string text :
       {"", "\n", "a b\n\n  c  d", "  detoxml train --workers 45 --worker-fail 5 --buckets 5\n",
        "    a-word-that-is-longer-than-the-line\n"}) {
    EXPECT_EQ(wrapped_help(text, 20), text);
  }
  EXPECT_EQ(wrapped_help("one two three four", 9), "one two\nthree\nfour");
}

}  // namespace
}  // namespace detox
