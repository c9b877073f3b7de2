// A page for any number of viewers, by HTTP: the page, its data, and events (server-sent) that say
// when there are newer ones. It only shows.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace detox {

/// What the server shows. Its functions are called by many threads at once.
class PageSource {
 public:
  virtual ~PageSource() = default;

  /// HTML; the same as long as the server serves.
  virtual const std::string& page() const = 0;

  struct Data {
    std::uint64_t version = 0;
    std::string json, gzipped;  ///< the same, compressed
  };
  /// The newest, for a viewer that asks now.
  virtual std::shared_ptr<const Data> data() = 0;

  struct News {
    std::uint64_t number = 0;  ///< grows with what is new
    std::string event;         ///< one line
  };
  /// Waits until there is something newer than `seen`, or for `most`, or until close(); the newest.
  virtual News wait_for_news(std::uint64_t seen, std::chrono::milliseconds most) = 0;

  /// Nobody waits any more.
  virtual void close() = 0;
};

inline constexpr int kPagePort = 8421;

struct PageServerOptions {
  std::string host;                ///< a name or an address of this machine
  int port;                        ///< 0: any that is free; one that is taken: the next that is not
  std::size_t most_viewers = 256;  ///< connections; those above are told so (503)
};

/// Serves until `wants_to_stop`, which is asked 20 times a second. Calls `on_open` when viewers can
/// come, with the port. A request is only answered if its Host is an address, a name of this
/// machine, or `host`: a page of somebody else's that a browser has open cannot read this one under
/// a name of its own. InputError where it cannot listen. False where a viewer's connection is still
/// there, a blink after the stop: the process then has to end without destructors.
bool serve_page(const PageServerOptions& options, PageSource& source,
                const std::function<bool()>& wants_to_stop,
                const std::function<void(int port)>& on_open);

/// "http://127.0.0.1:8421/".
std::string page_address(const std::string& host, int port);

}  // namespace detox
