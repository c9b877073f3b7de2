// http_download in the program: libcurl comes with a module.
#include "base/module.hpp"
#include "prepare/http_download.hpp"

namespace detox {

std::optional<std::string> http_download(const std::string& url, const std::filesystem::path& part,
                                         std::uint64_t bytes, const HttpOptions& options,
                                         const ByteProgress& progress) {
  return functions_of<decltype(&http_download)>("curl", "libcurl")(url, part, bytes, options,
                                                                   progress);
}

}  // namespace detox
