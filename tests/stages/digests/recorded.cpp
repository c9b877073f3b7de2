#include "stages/digests/recorded.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "kernels/every_target.hpp"

namespace detox::test {
namespace {

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

void write_lines(const std::string& path, const std::vector<std::string>& lines) {
#ifdef __x86_64__
  std::ofstream file(path);
  for (const std::string& line : lines) file << line << '\n';
#else
  (void)lines;
  FAIL() << path << " is written on x86-64 alone";
#endif
}

/// The first few lines that differ.
void expect_same(const std::vector<std::string>& found, const std::vector<std::string>& recorded) {
  EXPECT_EQ(found.size(), recorded.size());
  std::size_t told = 0;
  for (std::size_t i = 0; i < std::min(found.size(), recorded.size()) && told < 10; ++i) {
    if (found[i] == recorded[i]) continue;
    ADD_FAILURE() << "recorded: " << recorded[i] << "\nfound:    " << found[i];
    ++told;
  }
}

}  // namespace

void Lines::add(const std::string& name, const std::function<void(Fold&)>& results) {
  Fold fold;
  results(fold);
  lines_.push_back(name + " " + fold.finish());
}

void expect_recorded(std::string_view name, const std::function<void(Lines&)>& make) {
  const std::string path =
      std::string(DETOX_SOURCE_DIR) + "/tests/stages/digests/" + std::string(name) + ".txt";
  if (std::getenv("DETOX_WRITE_DIGESTS") != nullptr) {
    Lines lines;
    make(lines);
    write_lines(path, lines.lines());
  }
  const std::vector<std::string> recorded = read_lines(path);
  ASSERT_FALSE(recorded.empty()) << path;
  on_every_target([&](const char*) {
    Lines lines;
    make(lines);
    expect_same(lines.lines(), recorded);
  });
}

}  // namespace detox::test
