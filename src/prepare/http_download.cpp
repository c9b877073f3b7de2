#include "prepare/http_download.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <exception>
#include <memory>
#include <span>
#include <string_view>
#include <thread>

#include "base/assert.hpp"
#include "base/file.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kProgress = std::uint64_t{1} << 20;
constexpr long kSlowestBytesPerSecond = 1000;
constexpr long kMostRedirects = 5;
constexpr long kOk = 200, kPartialContent = 206, kRangeNotSatisfiable = 416, kServerError = 500;

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

Curl make_curl() {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  DETOX_ASSERT(kReady == CURLE_OK);
  Curl curl(curl_easy_init(), curl_easy_cleanup);
  DETOX_ASSERT(curl != nullptr);
  return curl;
}

/// "bytes 100-199/200" -> the first byte and, where it is known, the whole size.
struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> whole;
};

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  const std::size_t dash = text.find('-'), slash = text.find('/');
  if (!text.starts_with(kUnit) || dash == text.npos || slash == text.npos || dash > slash) {
    return std::nullopt;
  }
  const auto first = number_of(text.substr(kUnit.size(), dash - kUnit.size()));
  if (!first) return std::nullopt;
  return ContentRange{*first, number_of(text.substr(slash + 1))};
}

/// The file that grows.
class PartFile {
 public:
  explicit PartFile(const fs::path& file)
      : file_(file),
        fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666)) {
    struct stat status {};
    if (!fd_.is_open() || ::fstat(fd_.get(), &status) != 0) refuse();
    if (!S_ISREG(status.st_mode)) throw InputError(file.string() + " is not a regular file");
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  std::uint64_t size() const { return size_; }

  void append(std::span<const std::byte> bytes) {
    if (::lseek(fd_.get(), static_cast<off_t>(size_), SEEK_SET) < 0 ||
        !write_all(fd_.get(), bytes)) {
      refuse();
    }
    size_ += bytes.size();
  }

  void clear() {
    if (::ftruncate(fd_.get(), 0) != 0) refuse();
    size_ = 0;
  }

 private:
  [[noreturn]] void refuse() const {
    throw InputError(fmt::format("cannot write {}: {}", file_.string(), system_error_text()));
  }

  const fs::path& file_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;
};

/// One request and what came of it.
class Attempt {
 public:
  enum class Verdict { kComplete, kAgain, kRefused };

  Attempt(const std::string& url, PartFile& part, std::uint64_t bytes, const HttpOptions& options,
          const ByteProgress& progress)
      : part_(part), bytes_(bytes), progress_(progress), curl_(make_curl()) {
    const bool secure = url.starts_with("https:");
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_USERAGENT, "detoxml");
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMostRedirects);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, kSlowestBytesPerSecond);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout.count()));
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_HEADERFUNCTION, &Attempt::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Attempt::on_body);
    set(CURLOPT_WRITEDATA, this);
    if (part.size() > 0) {
      range_ = fmt::format("{}-", part.size());
      set(CURLOPT_RANGE, range_.c_str());
    }
  }

  Verdict run() {
    const CURLcode code = curl_easy_perform(curl_.get());
    if (local_error_) std::rethrow_exception(local_error_);
    if (verdict_) return *verdict_;
    if (code != CURLE_OK) {
      reason_ = error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
      return is_passing(code) && was_connected() ? Verdict::kAgain : Verdict::kRefused;
    }
    if (!judged_) judge();  // an answer without a body
    if (verdict_) return *verdict_;
    if (part_.size() == bytes_) return Verdict::kComplete;
    reason_ = fmt::format("the answer ends after {} of {} bytes", part_.size(), bytes_);
    return Verdict::kAgain;
  }

  const std::string& reason() const { return reason_; }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    DETOX_ASSERT(curl_easy_setopt(curl_.get(), option, value) == CURLE_OK);
  }

  static bool is_passing(CURLcode code) {
    constexpr std::array kPassing = {
        CURLE_PARTIAL_FILE, CURLE_RECV_ERROR,   CURLE_SEND_ERROR, CURLE_OPERATION_TIMEDOUT,
        CURLE_GOT_NOTHING,  CURLE_HTTP2_STREAM, CURLE_HTTP2};
    return std::find(kPassing.begin(), kPassing.end(), code) != kPassing.end();
  }

  /// A host that cannot be reached will not be reached a second later either.
  bool was_connected() const {
    curl_off_t microseconds = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_CONNECT_TIME_T, &microseconds);
    return microseconds > 0;
  }

  static std::size_t on_header(const char* data, std::size_t size, std::size_t count, void* self) {
    std::string_view line(data, size * count);
    auto& attempt = *static_cast<Attempt*>(self);
    constexpr std::string_view kName = "content-range:";
    if (line.starts_with("HTTP/")) attempt.content_range_.reset();  // after a redirect
    const bool named = line.size() > kName.size() &&
                       std::equal(kName.begin(), kName.end(), line.begin(), [](char a, char b) {
                         return a == std::tolower(static_cast<unsigned char>(b));
                       });
    if (!named) return size * count;
    line.remove_prefix(kName.size());
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
    attempt.content_range_ = parse_content_range(line);
    return size * count;
  }

  /// libcurl is C: no exception may pass through it.
  static std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* self) {
    auto& attempt = *static_cast<Attempt*>(self);
    try {
      return attempt.take(std::as_bytes(std::span(data, size * count))) ? size * count : 0;
    } catch (...) {
      attempt.local_error_ = std::current_exception();
      return 0;
    }
  }

  bool take(std::span<const std::byte> bytes) {
    if (!judged_) judge();
    if (verdict_) return false;
    if (bytes.size() > bytes_ - part_.size()) {
      refuse(fmt::format("it sends more than the {} bytes of the published file", bytes_));
      return false;
    }
    part_.append(bytes);
    progress_(part_.size());
    return true;
  }

  void refuse(std::string reason, Verdict verdict = Verdict::kRefused) {
    reason_ = std::move(reason);
    verdict_ = verdict;
  }

  /// Decides by status and headers what the body is.
  void judge() {
    judged_ = true;
    long status = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (status == kRangeNotSatisfiable && part_.size() > 0) {
      part_.clear();
      refuse("it does not have the rest of the file", Verdict::kAgain);
    } else if (status == kPartialContent) {
      judge_range();
    } else if (status != kOk) {
      refuse(fmt::format("HTTP status {}", status),
             status >= kServerError ? Verdict::kAgain : Verdict::kRefused);
    } else if (length >= 0 && static_cast<std::uint64_t>(length) != bytes_) {
      refuse(fmt::format("it offers {} bytes, the published file has {}", length, bytes_));
    } else {
      part_.clear();  // the whole file, whatever was asked for
    }
  }

  void judge_range() {
    if (!content_range_ || content_range_->first != part_.size()) {
      part_.clear();
      refuse("it sends another part of the file than was asked for", Verdict::kAgain);
    } else if (content_range_->whole && *content_range_->whole != bytes_) {
      refuse(fmt::format("it offers {} bytes, the published file has {}", *content_range_->whole,
                         bytes_));
    }
  }

  PartFile& part_;
  std::uint64_t bytes_;
  const ByteProgress& progress_;
  Curl curl_;
  std::string range_, reason_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::optional<ContentRange> content_range_;
  std::optional<Verdict> verdict_;
  bool judged_ = false;
  std::exception_ptr local_error_;
};

}  // namespace

std::optional<std::string> http_download(const std::string& url, const fs::path& part,
                                         std::uint64_t bytes, const HttpOptions& options,
                                         const ByteProgress& progress) {
  PartFile file(part);
  if (file.size() > bytes) file.clear();
  auto pause = options.pause;
  for (int attempts = 0; file.size() < bytes;) {
    const std::uint64_t before = file.size();
    Attempt attempt(url, file, bytes, options, progress);
    const Attempt::Verdict verdict = attempt.run();
    if (verdict == Attempt::Verdict::kComplete) break;
    if (verdict == Attempt::Verdict::kRefused) return printable(attempt.reason(), 200);
    if (file.size() >= before + kProgress) {
      attempts = 0;
      pause = options.pause;
    }
    if (++attempts >= options.attempts) return printable(attempt.reason(), 200);
    std::this_thread::sleep_for(pause);
    pause *= 2;
  }
  return std::nullopt;
}

}  // namespace detox
