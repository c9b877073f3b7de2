#include "host/finding.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <iterator>

namespace detox {

std::string command_to_install(std::string_view packages) {
  return fmt::format("{}apt-get {} {}", geteuid() == 0 ? "" : "sudo ", "install", packages);
}

std::string in_bytes(double bytes) {
  constexpr double kStep = 1000;
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= kStep && unit + 1 < std::size(kUnits)) {
    bytes /= kStep;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, unit > 0 && bytes < 100 ? 1 : 0, kUnits[unit]);
}

}  // namespace detox
