// serve_page in the program: cpp-httplib comes with a module, and TLS and compressors with it.
#include "base/module.hpp"
#include "report/page_server.hpp"

namespace detox {

bool serve_page(const PageServerOptions& options, PageSource& source,
                const std::function<bool()>& wants_to_stop,
                const std::function<void(int port)>& on_open) {
  return functions_of<decltype(&serve_page)>("cpp-httplib", "libcpp-httplib")(
      options, source, wants_to_stop, on_open);
}

}  // namespace detox
