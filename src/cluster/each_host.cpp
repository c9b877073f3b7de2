#include <mutex>

#include "base/at_once.hpp"
#include "base/log.hpp"
#include "cluster/ssh.hpp"

namespace detox {

std::vector<HostResult> on_each_host(
    const std::vector<std::string>& hosts, std::string_view what,
    const std::function<std::string(const std::string& host)>& task, std::size_t at_once) {
  std::vector<HostResult> results(hosts.size());
  std::mutex mutex;
  std::size_t done = 0;
  for_each_at_once(hosts.size(), at_once, [&](std::size_t i) {
    HostResult& result = results[i];
    result.host = hosts[i];
    try {
      result.output = task(hosts[i]);
    } catch (const std::exception& error) {
      result.failure = *error.what() == '\0' ? "failed" : error.what();
    }
    const std::lock_guard lock(mutex);
    log_info("{}: {} of {}: {}: {}", what, ++done, hosts.size(), hosts[i],
             result.ok() ? "done" : result.failure);
  });
  return results;
}

}  // namespace detox
