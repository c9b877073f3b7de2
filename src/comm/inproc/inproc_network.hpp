// The transport between threads of one process: a queue for each rank. For tests of the rounds and
// of faults.
#pragma once

#include <memory>
#include <vector>

#include "comm/transport.hpp"

namespace detox {

/// `size` endpoints. Each endpoint is used by one thread, different endpoints by different ones. A
/// frame has left as soon as send() returns (flush() is always true), is not copied before it is
/// received, and frames from one rank arrive in the order in which they were sent. The network
/// outlives the use of its endpoints.
class InprocNetwork {
 public:
  explicit InprocNetwork(int size);
  ~InprocNetwork();
  InprocNetwork(const InprocNetwork&) = delete;
  InprocNetwork& operator=(const InprocNetwork&) = delete;

  Transport& endpoint(int rank);

 private:
  struct Mailbox;
  class Endpoint;
  std::vector<std::unique_ptr<Mailbox>> mailboxes_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
};

}  // namespace detox
