#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "stages/attack/attack.hpp"

namespace detox {
namespace {

TEST(AttackDocumentation, HasALineForEveryAttackWithItsPaper) {
  std::ifstream file(DETOX_SOURCE_DIR "/docs/attacks.md");
  ASSERT_TRUE(file.is_open());
  std::ostringstream stream;
  stream << file.rdbuf();
  const std::string text = stream.str();
  for (const AttackInfo& info : attacks()) {
    const std::string cell = "| `" + std::string(info.name) + "` |";
    const std::size_t begin = text.find(cell);
    ASSERT_NE(begin, std::string::npos) << "docs/attacks.md has no line for " << info.name;
    const std::string line = text.substr(begin, text.find('\n', begin) - begin);
    const std::size_t number = info.paper.find("arXiv ");
    if (number == std::string::npos) continue;
    EXPECT_NE(line.find(info.paper.substr(number)), std::string::npos)
        << "the line of " << info.name << " does not name " << info.paper;
  }
}

TEST(AttackDocumentation, SaysWhatCIsToEachAttack) {
  std::ifstream file(DETOX_SOURCE_DIR "/docs/attacks.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const AttackInfo& info : attacks()) {
    if (!info.parameter) continue;
    const AttackParameter& c = *info.parameter;
    const std::string values = c.is_slice ? "a slice, 0 to k \u2212 1" : parameter_values(c, 1);
    const std::string line =
        fmt::format("\n| `{}` | {} | {} | {} |\n", info.name, c.meaning, values, c.standard);
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace detox
