#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/log.hpp"
#include "base/start_threads.hpp"
#include "cluster/ssh.hpp"

namespace detox {

std::vector<HostResult> on_each_host(
    const std::vector<std::string>& hosts, std::string_view what,
    const std::function<std::string(const std::string& host)>& task, std::size_t at_once) {
  std::vector<HostResult> results(hosts.size());
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::size_t done = 0;
  const auto work = [&](std::size_t) {
    for (std::size_t i = next++; i < hosts.size(); i = next++) {
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
    }
  };
  std::vector<std::thread> threads;
  const std::size_t size =
      std::clamp<std::size_t>(hosts.size(), 1, std::max<std::size_t>(at_once, 1));
  try {
    start_threads(1, size, work, threads);
  } catch (const std::exception&) {
    // With fewer at a time it takes longer, no more.
  }
  work(0);
  for (std::thread& thread : threads) thread.join();
  return results;
}

}  // namespace detox
