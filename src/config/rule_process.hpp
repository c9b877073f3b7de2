// A rule that another process answers for, as detoxml.train does for a function of Python's: asked
// over a Unix socket, with the rows in shared memory (docs/formats/rule-process.md).
#pragma once

#include <memory>
#include <string>

#include "config/process_connection.hpp"
#include "detox/aggregator.hpp"

namespace detox {

/// Who answers at a socket. Stays connected; threads may share it, calls wait for each other.
class RuleProcess {
 public:
  /// Connects, and asks for what is below. InputError, without the socket's name, where nobody
  /// answers or the answer is none of this protocol.
  explicit RuleProcess(const std::string& socket);

  /// Its name, what it needs, and of the function's source the SHA-256 in hexadecimal, or
  /// "unknown".
  const std::string& name() const { return connection_.name(); }
  const std::string& requirement() const { return requirement_; }
  const std::string& source() const { return connection_.source(); }
  std::size_t (*min_rows() const)(std::size_t f) { return min_rows_; }

  /// What asks this process, which outlives it. Where it cannot answer, takes longer than it said
  /// at most or is gone, that is an InputError of aggregate().
  std::unique_ptr<Aggregator> make(const RuleOptions& options) const;

  template <class T>
  void reduce(const Rows<T>& rows, std::size_t f, std::uint64_t step, std::span<T> out) const;

 private:
  ProcessConnection connection_;
  std::string requirement_;
  std::size_t (*min_rows_)(std::size_t) = nullptr;
};

}  // namespace detox
