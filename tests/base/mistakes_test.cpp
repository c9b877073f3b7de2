#include "base/mistakes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace detox {
namespace {

TEST(Mistakes, AreToldInOneGoALineEach) {
  Mistakes mistakes;
  EXPECT_NO_THROW(mistakes.refuse());
  mistakes.in([] {});
  EXPECT_EQ(mistakes.text(), "");
  mistakes.in([] { throw UsageError("one"); });
  mistakes.add("two");
  mistakes.add("one");
  EXPECT_EQ(mistakes.text(), "one\ntwo");
  EXPECT_THROW(mistakes.refuse(), UsageError);
  EXPECT_THROW(mistakes.in([] { throw InputError("a file"); }), InputError);
}

TEST(Mistakes, AreNotToldByTheThousand) {
  Mistakes mistakes;
  for (int i = 0; i < 1000; ++i) mistakes.add(std::to_string(i));
  const std::string text = mistakes.text();
  EXPECT_EQ(std::ranges::count(text, '\n'), 20);
  EXPECT_TRUE(text.ends_with("\nand 980 more mistakes"));
}

}  // namespace
}  // namespace detox
