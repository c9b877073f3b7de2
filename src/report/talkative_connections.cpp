#include "report/talkative_connections.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

namespace detox {

namespace fs = std::filesystem;

void drop_talkative_connections(std::uint64_t most) {
  std::error_code error;
  for (fs::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    tcp_info info{};
    socklen_t size = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) continue;
    const bool is_told = size >= offsetof(tcp_info, tcpi_bytes_received) + sizeof(std::uint64_t);
    if (is_told && info.tcpi_bytes_received > most) shutdown(fd, SHUT_RDWR);
  }
}

}  // namespace detox
