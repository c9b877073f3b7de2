#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "detox/attack.hpp"

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

}  // namespace
}  // namespace detox
