// Requests for machines that were sent, or may have been, and whose machines were not seen yet. EC2
// answers a repeated request with the same token with the same machines, so a launch that was cut
// off repeats them word by word and makes none too many.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace detox {

struct PendingRequest {
  std::string token, role;
  int count = 0;
  std::vector<std::string> words;  ///< of the call, without credentials
};

/// Kept in a file that is written before each request is sent. Used by one thread of the process
/// that holds the ClusterLock.
class PendingRequests {
 public:
  /// Reads the file; a missing or damaged one holds none.
  explicit PendingRequests(std::filesystem::path file);

  const std::vector<PendingRequest>& all() const { return requests_; }
  void add(PendingRequest request);  ///< InputError where it cannot be written
  void remove(const std::string& token);
  void clear();

 private:
  void write() const;

  std::filesystem::path file_;
  std::vector<PendingRequest> requests_;
};

/// A token that no other request has.
std::string new_token();

}  // namespace detox
