// An HTTP server on 127.0.0.1 that misbehaves as a test tells it to.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "prepare/http_download.hpp"

namespace detox {

/// What one request is answered with, byte by byte; then the connection is closed.
struct Answer {
  std::string bytes;
  bool stalls = false;  ///< the connection stays open until the other end has had enough
};

inline Answer whole(const std::string& body) {
  return {fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                      body.size()) +
          body};
}

inline Answer rest_of(const std::string& body, std::size_t first) {
  return {fmt::format("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {}-{}/{}\r\n"
                      "Content-Length: {}\r\nConnection: close\r\n\r\n",
                      first, body.size() - 1, body.size(), body.size() - first) +
          body.substr(first)};
}

inline Answer status(int code, const std::string& headers = "") {
  return {fmt::format("HTTP/1.1 {} Text\r\n{}Content-Length: 5\r\nConnection: close\r\n\r\nerror",
                      code, headers)};
}

struct Request {
  std::string path;
  std::string range;  ///< "bytes=3-", or empty

  std::size_t first() const {
    return range.empty() ? 0 : std::stoul(range.substr(range.find('=') + 1));
  }
};

/// Answers as a good server does.
inline Answer serve(const std::string& body, const Request& request) {
  if (request.range.empty()) return whole(body);
  return request.first() < body.size() ? rest_of(body, request.first()) : status(416);
}

class LoopbackServer {
 public:
  /// The handler runs on the server's thread; `number` counts requests from 0.
  using Handler = std::function<Answer(const Request&, std::size_t number)>;

  explicit LoopbackServer(Handler handler) : handler_(std::move(handler)) {
    ::setenv("no_proxy", "127.0.0.1", 1);  // whatever this machine goes through otherwise
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~LoopbackServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::string url(const std::string& path = "") const {
    return fmt::format("http://127.0.0.1:{}/{}", port_, path);
  }
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    while (true) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      answer(connection);
      ::close(connection);
    }
  }

  void answer(int connection) {
    std::string text;
    char piece[4096];
    while (text.find("\r\n\r\n") == text.npos) {
      const ssize_t count = ::recv(connection, piece, sizeof piece, 0);
      if (count <= 0) return;
      text.append(piece, static_cast<std::size_t>(count));
    }
    Request request;
    request.path = text.substr(4, text.find(' ', 4) - 4);
    const std::size_t range = text.find("\r\nRange: ");
    if (range != text.npos) {
      const std::size_t begin = range + 9;
      request.range = text.substr(begin, text.find("\r\n", begin) - begin);
    }
    std::size_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = requests_.size();
      requests_.push_back(request);
    }
    const Answer given = handler_(request, number);
    std::string_view left = given.bytes;
    while (!left.empty()) {
      const ssize_t count = ::send(connection, left.data(), left.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      left.remove_prefix(static_cast<std::size_t>(count));
    }
    if (!given.stalls) ::shutdown(connection, SHUT_WR);
    while (::recv(connection, piece, sizeof piece, 0) > 0) {
    }
  }

  Handler handler_;
  int listener_ = -1;
  unsigned port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::thread thread_;
};

/// Tests do not wait long between attempts. A busy machine may let an honest transfer wait.
inline HttpOptions quick_options() {
  return {.connect_timeout = std::chrono::seconds(60),
          .stall_timeout = std::chrono::seconds(60),
          .attempts = 3,
          .pause = std::chrono::milliseconds(1)};
}

}  // namespace detox
