// Zstandard (Collet, RFC 8878) on what can be packed of a gradient. The mantissas of its floats are
// noise; the exponents hold about 3 bits in 8, so the words are rotated by one bit, which puts the
// whole exponent into the highest byte, and only these bytes are packed: smaller than the whole
// chunk in one frame, where codes are made for exponents and noise together, and four times as
// fast. Where a chunk has many zeros (dead units), the other bytes are packed as well.
//
// A packed chunk: one byte, 0 or 1; a frame with the exponents; the other bytes of the words, plane
// by plane, and what was left over from whole words, as they are (0) or in a frame of their own
// (1).
#include <zstd.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <new>

#include "comm/compression/registry.hpp"

namespace detox {
namespace {

constexpr std::size_t kWord = 4;
constexpr std::byte kRestAsItIs{0}, kRestPacked{1};

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

/// Words -> planes: first the exponents, then the second bytes and so on. Words that are zero.
std::size_t split_words(const std::byte* words, std::size_t count, std::byte* planes) {
  auto* first = reinterpret_cast<std::uint8_t*>(planes);
  std::uint8_t* __restrict a = first;
  std::uint8_t* __restrict b = first + count;
  std::uint8_t* __restrict c = first + 2 * count;
  std::uint8_t* __restrict d = first + 3 * count;
  std::uint32_t zeros = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t word = 0;
    std::memcpy(&word, words + kWord * i, kWord);
    word = std::rotl(word, 1);
    zeros += word == 0 ? 1 : 0;
    a[i] = static_cast<std::uint8_t>(word >> 24U);
    b[i] = static_cast<std::uint8_t>(word >> 16U);
    c[i] = static_cast<std::uint8_t>(word >> 8U);
    d[i] = static_cast<std::uint8_t>(word);
  }
  return zeros;
}

void join_words(const std::byte* exponents, const std::byte* rest, std::size_t count,
                std::byte* words) {
  const auto* a = reinterpret_cast<const std::uint8_t*>(exponents);
  const auto* b = reinterpret_cast<const std::uint8_t*>(rest);
  const std::uint8_t* c = b + count;
  const std::uint8_t* d = c + count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t word =
        std::uint32_t{a[i]} << 24U | std::uint32_t{b[i]} << 16U | std::uint32_t{c[i]} << 8U | d[i];
    const std::uint32_t turned = std::rotr(word, 1);
    std::memcpy(words + kWord * i, &turned, kWord);
  }
}

/// The library reads older formats and frames to be skipped, too.
bool is_of_todays_format(std::span<const std::byte> frame) {
  std::uint32_t magic = 0;
  if (frame.size() < sizeof magic) return false;
  std::memcpy(&magic, frame.data(), sizeof magic);
  return magic == ZSTD_MAGICNUMBER;
}

class Zstd final : public Compressor {
 public:
  Zstd() : packer_(ZSTD_createCCtx()), unpacker_(ZSTD_createDCtx()) {
    if (!packer_ || !unpacker_) throw std::bad_alloc();
    // Exponents repeat by chance alone: looking for few and long matches costs least and packs
    // best.
    ZSTD_CCtx_setParameter(packer_.get(), ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(packer_.get(), ZSTD_c_minMatch, 7);
    ZSTD_CCtx_setParameter(packer_.get(), ZSTD_c_hashLog, 10);
  }

  bool pack(std::span<const std::byte> chunk, std::vector<std::byte>& out) override {
    const std::size_t words = chunk.size() / kWord, left_over = chunk.size() % kWord;
    if (words == 0) return false;
    planes_.resize(chunk.size());
    const std::size_t zeros = split_words(chunk.data(), words, planes_.data());
    std::memcpy(planes_.data() + kWord * words, chunk.data() + kWord * words, left_over);
    const auto exponents = std::span<const std::byte>(planes_).first(words);
    const auto rest = std::span<const std::byte>(planes_).subspan(words);

    const std::size_t before = out.size(), longest = chunk.size() - 1;
    out.resize(before + longest);
    const std::span<std::byte> room = std::span(out).subspan(before);
    std::size_t used = 1;
    const auto add_frame = [&](std::span<const std::byte> plane) {
      const std::size_t frame = ZSTD_compress2(packer_.get(), room.data() + used,
                                               room.size() - used, plane.data(), plane.size());
      if (ZSTD_isError(frame) != 0) return false;
      used += frame;
      return true;
    };
    const bool packs_rest = zeros > words / 8;
    room[0] = packs_rest ? kRestPacked : kRestAsItIs;
    bool is_smaller = add_frame(exponents);
    if (is_smaller && packs_rest) {
      is_smaller = add_frame(rest);
    } else if (is_smaller && used + rest.size() <= longest) {
      std::memcpy(room.data() + used, rest.data(), rest.size());
      used += rest.size();
    } else {
      is_smaller = false;
    }
    out.resize(is_smaller ? before + used : before);
    return is_smaller;
  }

  bool unpack(std::span<const std::byte> packed, std::span<std::byte> out) override {
    const std::size_t words = out.size() / kWord, left_over = out.size() % kWord;
    if (words == 0 || packed.empty() || packed[0] > kRestPacked) return false;
    const bool is_rest_packed = packed[0] == kRestPacked;
    packed = packed.subspan(1);
    if (!is_of_todays_format(packed)) return false;
    const std::size_t first_frame = ZSTD_findFrameCompressedSize(packed.data(), packed.size());
    if (ZSTD_isError(first_frame) != 0) return false;
    planes_.resize(out.size());
    const std::span<std::byte> exponents = std::span(planes_).first(words);
    const std::span<std::byte> rest = std::span(planes_).subspan(words);
    if (!unpack_frame(packed.first(first_frame), exponents)) return false;
    std::span<const std::byte> rest_bytes = packed.subspan(first_frame);
    if (is_rest_packed) {
      if (!unpack_frame(rest_bytes, rest)) return false;
      rest_bytes = rest;
    }
    if (rest_bytes.size() != rest.size()) return false;
    join_words(exponents.data(), rest_bytes.data(), words, out.data());
    std::memcpy(out.data() + kWord * words, rest_bytes.data() + (kWord - 1) * words, left_over);
    return true;
  }

 private:
  /// One frame of today's format, no more, that says and holds exactly plane.size() bytes.
  bool unpack_frame(std::span<const std::byte> frame, std::span<std::byte> plane) {
    if (!is_of_todays_format(frame)) return false;
    if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != plane.size()) return false;
    if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) return false;
    return ZSTD_decompressDCtx(unpacker_.get(), plane.data(), plane.size(), frame.data(),
                               frame.size()) == plane.size();
  }

  std::unique_ptr<ZSTD_CCtx, FreeContext> packer_;
  std::unique_ptr<ZSTD_DCtx, FreeContext> unpacker_;
  std::vector<std::byte> planes_;
};

}  // namespace

std::unique_ptr<Compressor> make_zstd_compressor() { return std::make_unique<Zstd>(); }

}  // namespace detox
