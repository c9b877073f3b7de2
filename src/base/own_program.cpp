#include "base/own_program.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <fstream>

#include "detox/errors.hpp"

namespace detox {

std::string own_program() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0 || length == static_cast<ssize_t>(path.size())) {
    throw InputError("/proc/self/exe cannot be read: where is this program?");
  }
  return {path.data(), static_cast<std::size_t>(length)};
}

std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string word; std::getline(file, word, '\0');) arguments.push_back(word);
  if (arguments.empty()) {
    throw InputError("/proc/self/cmdline cannot be read: how was this program started?");
  }
  return arguments;
}

std::vector<std::string> words_passed_on(const std::vector<std::string>& parsed) {
  const std::vector<std::string> all = own_arguments();
  const auto dashes = std::find(all.begin(), all.end(), "--");
  if (dashes == all.end() || dashes + 1 == all.end()) return parsed;
  return {dashes + 1, all.end()};
}

}  // namespace detox
