#include <fmt/format.h>

#include "report/page_server.hpp"

namespace detox {

std::string page_address(const std::string& host, int port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}/", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

}  // namespace detox
