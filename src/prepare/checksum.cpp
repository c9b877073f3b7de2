#include "prepare/checksum.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <vector>

#include "base/assert.hpp"
#include "base/digest.hpp"
#include "base/file.hpp"
#include "data/gunzip.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadPiece = std::size_t{1} << 18;

/// The pieces of a file, each valid until the next is asked for.
class FilePieces {
 public:
  explicit FilePieces(const fs::path& file)
      // O_NONBLOCK: a pipe under this name must not hang the program.
      : file_(file),
        fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)),
        piece_(kReadPiece) {
    struct stat status {};
    if (!fd_.is_open() || ::fstat(fd_.get(), &status) != 0) {
      throw InputError(fmt::format("cannot open {}: {}", file.string(), system_error_text()));
    }
    if (!S_ISREG(status.st_mode)) throw InputError(file.string() + " is not a regular file");
  }

  std::span<const std::byte> next() {
    while (true) {
      const ssize_t count = ::read(fd_.get(), piece_.data(), piece_.size());
      if (count >= 0) return std::span(piece_).first(static_cast<std::size_t>(count));
      if (errno != EINTR) {
        throw InputError(fmt::format("cannot read {}: {}", file_.string(), system_error_text()));
      }
    }
  }

 private:
  const fs::path& file_;
  FileDescriptor fd_;
  std::vector<std::byte> piece_;
};

}  // namespace

struct ChecksumBuilder::State {
  EVP_MD_CTX* md5 = EVP_MD_CTX_new();
  DigestBuilder sha256;
  std::uint64_t bytes = 0;
  bool has_md5 = EVP_DigestInit_ex(md5, EVP_md5(), nullptr) == 1;

  State() = default;
  ~State() { EVP_MD_CTX_free(md5); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

ChecksumBuilder::ChecksumBuilder() : state_(std::make_unique<State>()) {}
ChecksumBuilder::~ChecksumBuilder() = default;

void ChecksumBuilder::add(std::span<const std::byte> bytes) {
  if (state_->has_md5) {
    DETOX_ASSERT(EVP_DigestUpdate(state_->md5, bytes.data(), bytes.size()) == 1);
  }
  state_->sha256.add(bytes);
  state_->bytes += bytes.size();
}

Checksums ChecksumBuilder::finish() {
  Checksums sums{.bytes = state_->bytes, .md5 = "", .sha256 = hex(state_->sha256.finish())};
  if (state_->has_md5) {
    std::array<std::byte, 16> md5{};
    DETOX_ASSERT(EVP_DigestFinal_ex(state_->md5, reinterpret_cast<unsigned char*>(md5.data()),
                                    nullptr) == 1);
    sums.md5 = hex(md5);
  }
  return sums;
}

Checksums checksums_of(const fs::path& file) {
  FilePieces pieces(file);
  ChecksumBuilder builder;
  for (auto piece = pieces.next(); !piece.empty(); piece = pieces.next()) builder.add(piece);
  return builder.finish();
}

Checksums content_checksums_of(const fs::path& file, std::uint64_t most_bytes) {
  FilePieces pieces(file);
  ChecksumBuilder builder;
  std::uint64_t bytes = 0;
  gunzip(
      file.string(), [&pieces] { return pieces.next(); },
      [&](std::span<const std::byte> piece) {
        bytes += piece.size();
        if (bytes > most_bytes) {
          throw InputError(fmt::format("{}: it holds more than the {} bytes that are published",
                                       file.string(), most_bytes));
        }
        builder.add(piece);
      });
  return builder.finish();
}

std::string difference_from(const PublishedFile& published, const Checksums& found) {
  if (found.bytes != published.bytes) {
    return fmt::format("it has {} bytes, the published file has {}", found.bytes, published.bytes);
  }
  if (found.sha256 != published.sha256) {
    return fmt::format("its SHA-256 is {}, that of the published file is {}", found.sha256,
                       published.sha256);
  }
  if (!published.md5.empty() && !found.md5.empty() && found.md5 != published.md5) {
    return fmt::format("its MD5 is {}, that of the published file is {}", found.md5, published.md5);
  }
  return {};
}

}  // namespace detox
