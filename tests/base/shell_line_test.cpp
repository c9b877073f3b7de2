#include "base/shell_line.hpp"

#include <gtest/gtest.h>

#include "base/child_program.hpp"

namespace detox {
namespace {

TEST(ShellLine, GivesAShellTheSameWordsBack) {
  const std::vector<std::string> words{"printf", "%s|", "a b",  "", "it's",
                                       "$HOME",  "`x`", "a\nb", "*"};
  ChildProgram shell;
  shell.arguments = {"sh", "-c", shell_line(words)};
  EXPECT_EQ(run_child(shell).output, "a b||it's|$HOME|`x`|a\nb|*|");
}

}  // namespace
}  // namespace detox
