// Another process that computes something for this one: asked over a Unix socket, with the values
// in shared memory (docs/formats/rule-process.md).
#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace detox {

/// Behind a socket's path the source of the function that answered there is recorded.
inline constexpr std::string_view kFunctionMark = "@function:";

/// Whether it is a socket.
bool is_socket(const std::string& file);

/// Threads may share it: calls wait for each other.
class ProcessConnection {
 public:
  /// Connects, says hello, and keeps the answer. InputError, without the socket's name, where
  /// nobody answers or no object.
  ProcessConnection(const std::string& socket, std::string_view hello);
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
  std::unique_ptr<Line> line_;
  nlohmann::json about_;
  std::string name_, source_;
  double patience_s_ = 0;
};

}  // namespace detox
