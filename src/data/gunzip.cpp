#include "data/gunzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
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
      if (member_ended_) begin_member();
      stream_.next_out = reinterpret_cast<Bytef*>(plain_.data());
      stream_.avail_out = static_cast<uInt>(plain_.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      const std::size_t written = plain_.size() - stream_.avail_out;
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) refuse(result);
      if (written > 0) sink_(std::span(plain_).first(written));
      member_ended_ = result == Z_STREAM_END;
    } while (stream_.avail_in > 0 || (stream_.avail_out == 0 && !member_ended_));
  }

  void begin_member() {
    if (std::byte{*stream_.next_in} != kMagic0) {
      throw InputError(name_ + ": other bytes follow the gzip data");
    }
    DETOX_ASSERT(inflateReset(&stream_) == Z_OK);
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

}  // namespace

void gunzip(const std::string& name, const ByteSource& source, const ByteSink& sink) {
  // The magic may come in two pieces.
  std::vector<std::byte> head;
  while (head.size() < 2) {
    const std::span<const std::byte> piece = source();
    if (piece.empty()) break;
    head.insert(head.end(), piece.begin(), piece.end());
  }
  if (head.size() < 2 || head[0] != kMagic0 || head[1] != kMagic1) {
    if (!head.empty()) sink(head);
    for (auto piece = source(); !piece.empty(); piece = source()) sink(piece);
    return;
  }
  Inflater inflater(name, sink);
  inflater.add(head);
  for (auto piece = source(); !piece.empty(); piece = source()) inflater.add(piece);
  inflater.finish();
}

}  // namespace detox
