// One file over HTTP or HTTPS, by libcurl, going on where an earlier attempt ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace detox {

/// Every wait has an end: connecting, and a transfer that comes to a halt.
struct HttpOptions {
  std::chrono::milliseconds connect_timeout{20'000};
  std::chrono::seconds stall_timeout{30};  ///< this long below 1000 bytes a second
  int attempts = 5;                        ///< in a row that bring less than 1 MiB
  std::chrono::milliseconds pause{1'000};  ///< before another attempt; doubled each time
};

/// How many bytes of the file are there now.
using ByteProgress = std::function<void(std::uint64_t)>;

/// Brings `part` to exactly `bytes` bytes of what `url` names: what it holds already is asked for
/// with a Range; where the server ignores that, it begins anew; where the connection breaks or
/// stalls, it tries again. Redirects are followed (at most 5, never from https to http). Never more
/// than `bytes` bytes are written, and nothing of an answer that is not the file. Whether they are
/// the right bytes is for the caller to check.
///
/// Returns nothing where the file is complete, else why this source did not give it; `part` then
/// keeps what came. InputError where `part` cannot be written. Certificates are checked, and the
/// usual proxy variables are obeyed. Blocks; threads may download different files at the same time.
std::optional<std::string> http_download(const std::string& url, const std::filesystem::path& part,
                                         std::uint64_t bytes, const HttpOptions& options,
                                         const ByteProgress& progress);

}  // namespace detox
