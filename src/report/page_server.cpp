// By cpp-httplib: a thread a connection, which a limit bounds.
#include "report/page_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <httplib.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/file.hpp"
#include "detox/errors.hpp"
#include "report/talkative_connections.hpp"

namespace detox {
namespace {

using namespace std::chrono_literals;

constexpr time_t kPatienceSeconds = 5;  ///< with a viewer that does not write, or does not read
constexpr std::size_t kMostRequests = 1000;  ///< of one connection
constexpr auto kLookAtViewer = 1s;           ///< whether it is still there
constexpr int kLooksAHeartbeat = 10;         ///< for those who are gone and did not say so
constexpr auto kGrace = 200ms;               ///< for connections, after the stop

thread_local bool is_one_too_many = false;

/// A thread a connection. Those above the limit are answered by a few that refuse them, and wait
/// where these are busy.
class ConnectionThreads final : public httplib::TaskQueue {
 public:
  struct State {
    std::mutex mutex;
    std::condition_variable has_ended;
    std::size_t running = 0, most = 0;
    std::deque<std::function<void()>> waiting;
  };

  explicit ConnectionThreads(std::shared_ptr<State> state) : state_(std::move(state)) {}

  // Of newer versions of the library it says whether it took it.
  using Taken = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));

  Taken enqueue(std::function<void()> connection) override {
    constexpr std::size_t kWhoRefuse = 32;
    bool refuses = false;
    {
      const std::lock_guard lock(state_->mutex);
      refuses = state_->running >= state_->most;
      if (state_->running >= state_->most + kWhoRefuse) {
        state_->waiting.push_back(std::move(connection));
        return Taken(true);
      }
      ++state_->running;
    }
    try {
      std::thread(serve, state_, connection, refuses).detach();
    } catch (const std::system_error&) {  // no thread to be had: the connection is refused here
      serve(state_, std::move(connection), true);
    }
    return Taken(true);
  }

  void shutdown() override {
    std::unique_lock lock(state_->mutex);
    state_->waiting.clear();
    state_->has_ended.wait_for(lock, kGrace, [this] { return state_->running == 0; });
  }

 private:
  static void serve(const std::shared_ptr<State>& state, std::function<void()> connection,
                    bool refuses) {
    for (is_one_too_many = refuses;;) {
      connection();
      connection = nullptr;
      const std::lock_guard lock(state->mutex);
      if (state->waiting.empty()) {
        --state->running;
        state->has_ended.notify_all();
        return;
      }
      is_one_too_many = state->running > state->most;
      connection = std::move(state->waiting.front());
      state->waiting.pop_front();
    }
  }

  std::shared_ptr<State> state_;
};

std::string own_host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

/// Of "name:8421", "[::1]:8421" or without a port.
std::string name_in_host(const std::string& host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end == std::string::npos ? "" : host.substr(1, end - 1);
  }
  return lower(host.substr(0, host.find(':')));
}

bool is_own_host(const std::string& header, const std::string& served) {
  const std::string name = name_in_host(header);
  return !name.empty() &&
         (is_address(name) || name == "localhost" || name.ends_with(".localhost") ||
          name == lower(own_host_name()) || name == lower(served));
}

bool takes_gzip(const httplib::Request& request) {
  return request.get_header_value("Accept-Encoding").find("gzip") != std::string::npos;
}

void refuse(int status, const std::string& why, httplib::Response& response) {
  response.status = status;
  response.set_header("Connection", "close");
  response.set_content(why + "\n", "text/plain; charset=utf-8");
}

/// A text whose length is known is sent as it is; what the library packs it packs anew for each
/// viewer.
void send(std::shared_ptr<const void> owner, std::string_view text, const char* type,
          httplib::Response& response) {
  response.set_content_provider(
      text.size(), type,
      [owner = std::move(owner), text](std::size_t offset, std::size_t length,
                                       httplib::DataSink& sink) {
        constexpr std::size_t kPiece = std::size_t{64} << 10U;
        if (offset > text.size() || length > text.size() - offset) return false;
        return sink.write(text.data() + offset, std::min(length, kPiece));
      });
}

void add_events(httplib::Server& server, PageSource& source, const std::atomic<bool>& closes) {
  server.Get("/events", [&](const httplib::Request&, httplib::Response& response) {
    response.set_chunked_content_provider(
        "text/event-stream", [&source, &closes, seen = std::uint64_t{0}, quiet = 0](
                                 std::size_t, httplib::DataSink& sink) mutable {
          if (closes) return false;
          const PageSource::News news = source.wait_for_news(seen, kLookAtViewer);
          if (closes || !sink.is_writable()) return false;
          quiet = news.number == seen ? quiet + 1 : 0;
          if (quiet % kLooksAHeartbeat != 0) return true;
          const std::string text =
              news.number == seen ? ":\n\n" : fmt::format("data: {}\n\n", news.event);
          seen = news.number;
          return sink.write(text.data(), text.size());
        });
  });
}

void add_pages(httplib::Server& server, PageSource& source) {
  server.Get("/", [&](const httplib::Request&, httplib::Response& response) {
    send(nullptr, source.page(), "text/html; charset=utf-8", response);
  });
  server.Get("/data.json", [&](const httplib::Request& request, httplib::Response& response) {
    const std::shared_ptr<const PageSource::Data> data = source.data();
    const bool packed = takes_gzip(request);
    if (packed) response.set_header("Content-Encoding", "gzip");
    response.set_header("Vary", "Accept-Encoding");
    send(data, packed ? data->gzipped : data->json, "application/json", response);
  });
}

void set_up(const PageServerOptions& options, httplib::Server& server) {
  server.set_default_headers({{"Cache-Control", "no-store"},
                              {"X-Content-Type-Options", "nosniff"},
                              {"X-Frame-Options", "DENY"},
                              {"Referrer-Policy", "no-referrer"},
                              {"Cross-Origin-Resource-Policy", "same-origin"},
                              {"Cross-Origin-Opener-Policy", "same-origin"}});
  server.set_read_timeout(kPatienceSeconds);
  server.set_write_timeout(kPatienceSeconds);
  server.set_keep_alive_timeout(kPatienceSeconds);
  server.set_keep_alive_max_count(kMostRequests);
  server.set_payload_max_length(0);
  server.set_tcp_nodelay(true);
  server.set_pre_routing_handler(
      [options](const httplib::Request& request, httplib::Response& response) {
        using enum httplib::Server::HandlerResponse;
        // A server may ignore them, and old versions of the library read behind a text's end.
        const_cast<httplib::Request&>(request).ranges.clear();
        if (is_one_too_many) {
          response.set_header("Retry-After", "5");
          refuse(503, fmt::format("{} viewers are the most; try again later", options.most_viewers),
                 response);
        } else if (!is_own_host(request.get_header_value("Host"), options.host)) {
          refuse(403, "this page is for its own address, and not for that of the request's Host",
                 response);
        } else if (request.method != "GET" && request.method != "HEAD") {
          response.set_header("Allow", "GET, HEAD");
          refuse(405, "this page only shows", response);
        } else {
          return Unhandled;
        }
        return Handled;
      });
  server.set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (response.body.empty() && response.status == 404)
      response.set_content("there is /, /data.json and /events\n", "text/plain; charset=utf-8");
  });
}

/// The library's own options would share the port with another process, and its queue is five long:
/// viewers who come at once would wait for seconds.
class Listening {
 public:
  explicit Listening(httplib::Server& server) {
    server.set_socket_options([socket = socket_](int made) {
      const int yes = 1;
      setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
      *socket = made;
    });
  }
  void lengthen_queue() const { listen(*socket_, SOMAXCONN); }

 private:
  std::shared_ptr<int> socket_ = std::make_shared<int>(-1);
};

/// Why nobody can listen there; 0 where somebody can.
int bind_error(const std::string& host, int port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  const int why = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (why != 0) throw InputError(fmt::format("--host {}: {}", host, gai_strerror(why)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  const FileDescriptor socket(
      ::socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, found->ai_protocol));
  if (!socket.is_open()) return errno;
  const int yes = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0) return errno;
  return listen(socket.get(), 1) == 0 ? 0 : errno;
}

int open_port(const PageServerOptions& options, httplib::Server& server) {
  constexpr int kTries = 100, kLastPort = 65535;
  if (options.port == 0) {
    const int port = bind_error(options.host, 0) == 0 ? server.bind_to_any_port(options.host) : -1;
    if (port > 0) return port;
  }
  int error = EADDRNOTAVAIL;
  for (int port = options.port; port > 0 && port < options.port + kTries && port <= kLastPort;
       ++port) {
    error = bind_error(options.host, port);
    if (error == 0 && server.bind_to_port(options.host, port)) return port;
    if (error != 0 && error != EADDRINUSE) break;
  }
  throw InputError(fmt::format("cannot listen on {} port {}: {}; valid: another --port or --host",
                               options.host, options.port,
                               std::generic_category().message(error == 0 ? EADDRINUSE : error)));
}

}  // namespace

bool serve_page(const PageServerOptions& options, PageSource& source,
                const std::function<bool()>& wants_to_stop,
                const std::function<void(int port)>& on_open) {
  const auto connections = std::make_shared<ConnectionThreads::State>();
  connections->most = options.most_viewers;
  // Held by connections that outlive the stop.
  auto* closes = new std::atomic<bool>(false);
  auto* server = new httplib::Server;
  server->new_task_queue = [connections] { return new ConnectionThreads(connections); };
  set_up(options, *server);
  const Listening listening(*server);
  add_pages(*server, source);
  add_events(*server, source, *closes);
  int port = 0;
  try {
    port = open_port(options, *server);
    listening.lengthen_queue();
  } catch (...) {
    delete server;
    delete closes;
    throw;
  }
  std::thread accepting([server] { server->listen_after_bind(); });
  while (!server->is_running()) std::this_thread::yield();
  on_open(port);
  constexpr auto kLook = 50ms;
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20U;  // kMostRequests with room to spare
  while (!wants_to_stop()) {
    drop_talkative_connections(kMostBytes);
    std::this_thread::sleep_for(kLook);
  }
  *closes = true;
  source.close();
  server->stop();
  accepting.join();
  const std::lock_guard lock(connections->mutex);
  if (connections->running > 0) return false;
  delete server;
  delete closes;
  return true;
}

}  // namespace detox
