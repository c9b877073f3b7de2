// Another process that computes something for this one: asked over a Unix socket, with the values
// in shared memory (docs/formats/rule-process.md).
#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "detox/errors.hpp"

namespace detox {

/// Whether it is a socket.
bool is_socket(const std::string& file);

/// What the process itself gives as its reason.
class AnsweredError : public InputError {
 public:
  using InputError::InputError;
};

/// Threads may share it: calls wait for each other.
class ProcessConnection {
 public:
  /// Connects, says hello, and keeps the answer. InputError, without the socket's name, where
  /// nobody answers or no object; AnsweredError where that is an error.
  ProcessConnection(const std::string& socket, std::string_view hello);
  /// The same with a program, looked for on PATH, and its arguments: it is started, its standard
  /// input is the connection, what it prints goes to standard error, and it ends with this object.
  ProcessConnection(const std::vector<std::string>& program, std::string_view hello);
  ~ProcessConnection();
  ProcessConnection(const ProcessConnection&) = delete;
  ProcessConnection& operator=(const ProcessConnection&) = delete;

  /// What every answer to a hello has: a name, of the function's source the SHA-256 in hexadecimal
  /// or "unknown", and the seconds that a call may take.
  const std::string& name() const { return name_; }
  const std::string& source() const { return source_; }
  const nlohmann::json& about() const { return about_; }

  /// out = what it makes of the rows, which the call says with its other words. InputError where it
  /// cannot answer, takes too long or is gone.
  template <class T>
  void compute(nlohmann::json call, std::span<const T* const> rows, std::span<T> out) const;

  [[noreturn]] static void refuse_answer();

 private:
  struct Line;
  void meet(std::string_view hello);

  std::unique_ptr<Line> line_;
  nlohmann::json about_;
  std::string name_, source_;
  double patience_s_ = 0;
};

}  // namespace detox
