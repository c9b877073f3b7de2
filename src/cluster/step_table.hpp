// What was done on which host, and what failed where.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/ssh.hpp"

namespace detox {

/// Hosts by steps. Used by one thread.
class StepTable {
 public:
  explicit StepTable(std::vector<std::string> hosts) : hosts_(std::move(hosts)) {}

  /// Adds a step's results; hosts that have none were passed over.
  void add(std::string_view step, const std::vector<HostResult>& results);
  bool is_ok(const std::string& host, std::string_view step) const;
  /// Whether every step is ok on every host that had it, and none was passed over for a failure.
  bool is_all_ok() const;
  /// A line a host, a column a step ("ok", "FAILED", "-"), then a line for each failure.
  std::string text() const;

 private:
  std::vector<std::string> hosts_, steps_;
  std::map<std::pair<std::string, std::string>, HostResult> cells_;  ///< by host and step
};

}  // namespace detox
