// Where runs go on: this machine, or others that are reached from it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/child_program.hpp"

namespace detox {

struct Place {
  std::string name;       ///< empty: this machine
  std::size_t slots = 1;  ///< runs at a time
  /// On another machine: what starts a program there in this folder, --threads and its share of the
  /// cores put behind its words.
  std::function<ChildProgram(const std::vector<std::string>& words)> start = {};
  /// And why the machine is not reached any more; empty where the program ended by itself.
  std::function<std::string(const ChildResult& result)> lost = {};
};

}  // namespace detox
