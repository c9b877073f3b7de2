#include "data/gunzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::byte kMagic0{0x1f}, kMagic1{0x8b};
constexpr std::size_t kPlainPiece = std::size_t{1} << 16;

class Inflater {
 public:
  Inflater(const std::string& name, const ByteSink& sink)
      : name_(name), sink_(sink), plain_(kPlainPiece) {
    constexpr int kGzipOnly = 16;
    DETOX_ASSERT(inflateInit2(&stream_, MAX_WBITS + kGzipOnly) == Z_OK);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void add(std::span<const std::byte> piece) {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    while (!piece.empty()) {
      const std::span<const std::byte> part = piece.first(std::min(piece.size(), kMost));
      add_part(part);
      piece = piece.subspan(part.size());
    }
  }

  void finish() const {
    if (!member_ended_) throw InputError(name_ + ": truncated: the gzip data ends early");
  }

 private:
  void add_part(std::span<const std::byte> part) {
    // zlib's interface is older than const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));
    stream_.avail_in = static_cast<uInt>(part.size());
    do {
      if (member_ended_ && !begin_member()) return;
      stream_.next_out = reinterpret_cast<Bytef*>(plain_.data());
      stream_.avail_out = static_cast<uInt>(plain_.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      const std::size_t written = plain_.size() - stream_.avail_out;
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) refuse(result);
      if (written > 0) sink_(std::span(plain_).first(written));
      member_ended_ = result == Z_STREAM_END;
    } while (stream_.avail_in > 0 || (stream_.avail_out == 0 && !member_ended_));
  }

  /// Whether one begins in this part. Tapes and block devices fill up with zeros, which gzip passes
  /// over.
  bool begin_member() {
    while (stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    if (stream_.avail_in == 0) return false;
    if (std::byte{*stream_.next_in} != kMagic0) {
      throw InputError(name_ + ": other bytes follow the gzip data");
    }
    DETOX_ASSERT(inflateReset(&stream_) == Z_OK);
    return true;
  }

  [[noreturn]] void refuse(int result) const {
    if (result == Z_MEM_ERROR) throw InputError(name_ + ": not enough memory to decompress it");
    throw InputError(name_ + ": the gzip data is damaged" +
                     (stream_.msg != nullptr ? std::string(" (") + stream_.msg + ")" : ""));
  }

  const std::string& name_;
  const ByteSink& sink_;
  std::vector<std::byte> plain_;
  z_stream stream_{};
  bool member_ended_ = false;
};

/// Tells gzip from plain bytes, and passes on either.
class Gunzipper {
 public:
  Gunzipper(const std::string& name, const ByteSink& sink) : name_(name), sink_(sink) {}

  void add(std::span<const std::byte> piece) {
    if (piece.empty()) return;
    if (inflater_) return inflater_->add(piece);
    if (is_plain_) return sink_(piece);
    // The magic may come in two pieces.
    head_.insert(head_.end(), piece.begin(), piece.end());
    if (head_.size() < 2) return;
    if (head_[0] == kMagic0 && head_[1] == kMagic1) {
      inflater_.emplace(name_, sink_);
      inflater_->add(head_);
    } else {
      is_plain_ = true;
      sink_(head_);
    }
    head_.clear();
  }

  void finish() {
    if (inflater_) return inflater_->finish();
    if (!head_.empty()) sink_(head_);
    head_.clear();
  }

 private:
  const std::string& name_;
  const ByteSink& sink_;
  std::vector<std::byte> head_;
  std::optional<Inflater> inflater_;
  bool is_plain_ = false;
};

/// A Gunzipper that is fed when somebody asks.
class PulledGunzip {
 public:
  PulledGunzip(std::string name, ByteSource source)
      : name_(std::move(name)),
        source_(std::move(source)),
        sink_([this](std::span<const std::byte> piece) {
          plain_.insert(plain_.end(), piece.begin(), piece.end());
        }),
        gunzipper_(name_, sink_) {}
  PulledGunzip(const PulledGunzip&) = delete;
  PulledGunzip& operator=(const PulledGunzip&) = delete;

  std::span<const std::byte> next() {
    plain_.clear();
    while (plain_.empty() && !ended_) {
      if (packed_.empty()) packed_ = source_();
      // A byte of gzip data is a thousand plain ones at most: small bites bound the memory.
      const std::size_t bite = std::min(packed_.size(), kBite);
      ended_ = bite == 0;
      if (ended_) {
        gunzipper_.finish();
      } else {
        gunzipper_.add(packed_.first(bite));
      }
      packed_ = packed_.subspan(bite);
    }
    return plain_;
  }

 private:
  static constexpr std::size_t kBite = 1024;

  std::string name_;
  ByteSource source_;
  ByteSink sink_;
  Gunzipper gunzipper_;
  std::span<const std::byte> packed_;
  std::vector<std::byte> plain_;
  bool ended_ = false;
};

}  // namespace

void gunzip(const std::string& name, const ByteSource& source, const ByteSink& sink) {
  Gunzipper gunzipper(name, sink);
  for (auto piece = source(); !piece.empty(); piece = source()) gunzipper.add(piece);
  gunzipper.finish();
}

ByteSource gunzip_source(std::string name, ByteSource source) {
  return [state = std::make_shared<PulledGunzip>(std::move(name), std::move(source))] {
    return state->next();
  };
}

}  // namespace detox
