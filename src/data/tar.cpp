#include "data/tar.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

struct FreeArchive {
  void operator()(archive* a) const { archive_read_free(a); }
};

class TarReader {
 public:
  TarReader(const std::string& name, const ByteSource& source, std::uint64_t most_bytes)
      : name_(name),
        source_(gunzip_source(name, source)),
        most_bytes_(most_bytes),
        archive_(archive_read_new()) {
    DETOX_ASSERT(archive_ != nullptr);
    DETOX_ASSERT(archive_read_support_format_tar(archive_.get()) == ARCHIVE_OK);
    check(archive_read_open2(archive_.get(), this, nullptr, &TarReader::give, nullptr, nullptr));
  }
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  /// Empty after the last one.
  archive_entry* next_entry() {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(archive_.get(), &entry);
    check(result);
    return result == ARCHIVE_EOF ? nullptr : entry;
  }

  void pass_data(const ByteSink& sink) {
    while (true) {
      const la_ssize_t size = archive_read_data(archive_.get(), piece_.data(), piece_.size());
      check(static_cast<int>(std::min<la_ssize_t>(size, 0)));
      if (size == 0) return;
      sink(std::span(piece_).first(static_cast<std::size_t>(size)));
    }
  }

  /// To the end of the gzip data, where its checksum stands.
  void drain() {
    while (!pull().empty()) {
    }
  }

 private:
  std::span<const std::byte> pull() {
    const std::span<const std::byte> piece = source_();
    if (piece.size() > most_bytes_ - bytes_) {
      throw InputError(fmt::format("{}: the archive holds more than the {} bytes that it may",
                                   name_, most_bytes_));
    }
    bytes_ += piece.size();
    return piece;
  }

  /// libarchive is C: what is thrown waits here until it has returned.
  static la_ssize_t give(archive* a, void* self, const void** buffer) {
    auto* reader = static_cast<TarReader*>(self);
    try {
      const std::span<const std::byte> piece = reader->pull();
      *buffer = piece.data();
      return static_cast<la_ssize_t>(piece.size());
    } catch (...) {
      reader->thrown_ = std::current_exception();
      archive_set_error(a, EIO, "reading failed");
      return ARCHIVE_FATAL;
    }
  }

  void check(int result) {
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    if (result >= ARCHIVE_WARN) return;  // a warning is about names and dates
    const char* reason = archive_error_string(archive_.get());
    throw InputError(fmt::format("{}: the tar archive is damaged ({})", name_,
                                 printable(reason != nullptr ? reason : "unknown reason")));
  }

  const std::string& name_;
  ByteSource source_;
  std::uint64_t most_bytes_, bytes_ = 0;
  std::exception_ptr thrown_;
  std::unique_ptr<archive, FreeArchive> archive_;
  std::vector<std::byte> piece_ = std::vector<std::byte>(std::size_t{1} << 16);
};

TarMember::Kind kind_of(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return TarMember::Kind::kLink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return TarMember::Kind::kFile;
    case AE_IFDIR:
      return TarMember::Kind::kFolder;
    case AE_IFLNK:
      return TarMember::Kind::kLink;
    default:
      return TarMember::Kind::kOther;
  }
}

TarMember member_of(archive_entry* entry) {
  const char* path = archive_entry_pathname(entry);
  std::string text = path != nullptr ? path : "";
  if (text.starts_with("./")) text.erase(0, 2);
  return {std::move(text), kind_of(entry)};
}

}  // namespace

void read_tar(const std::string& name, const ByteSource& source, std::uint64_t most_bytes,
              const std::function<ByteSink(const TarMember&)>& visit) {
  TarReader reader(name, source, most_bytes);
  while (archive_entry* entry = reader.next_entry()) {
    if (const ByteSink sink = visit(member_of(entry))) reader.pass_data(sink);
  }
  reader.drain();
}

}  // namespace detox
