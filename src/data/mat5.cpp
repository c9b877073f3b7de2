#include "data/mat5.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "base/assert.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

enum : std::uint32_t {
  kInt8 = 1,
  kUint8 = 2,
  kInt32 = 5,
  kUint32 = 6,
  kMatrix = 14,
  kCompressed = 15
};
constexpr std::uint32_t kFirstNumber = 6, kLastNumber = 15, kComplexFlag = 0x800;
constexpr std::size_t kHeaderSize = 128, kMostVariables = 8, kMostDimensions = 8, kLongestName = 63;
constexpr std::uint64_t kMostValues = std::uint64_t{1} << 31;

/// Bytes of a stored value; 0 where the type is none of a number.
std::uint64_t size_of_type(std::uint32_t type) {
  switch (type) {
    case 1:  // int8
    case kUint8:
      return 1;
    case 3:  // int16
    case 4:  // uint16
      return 2;
    case kInt32:
    case kUint32:
    case 7:  // single
      return 4;
    case 9:   // double
    case 12:  // int64
    case 13:  // uint64
      return 8;
    default:
      return 0;
  }
}

std::uint64_t padded(std::uint64_t size) { return (size + 7) / 8 * 8; }

std::uint32_t little_endian(std::span<const std::byte> b) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | std::to_integer<std::uint32_t>(b[i]);
  return value;
}

/// Bytes in the amounts that a format asks for.
class Pull {
 public:
  Pull(const std::string& name, ByteSource source) : name_(name), source_(std::move(source)) {}

  /// Up to `most` bytes; empty at the end alone.
  std::span<const std::byte> some(std::uint64_t most) {
    if (rest_.empty()) rest_ = source_();
    const auto piece =
        rest_.first(static_cast<std::size_t>(std::min<std::uint64_t>(rest_.size(), most)));
    rest_ = rest_.subspan(piece.size());
    return piece;
  }
  bool at_end() {
    if (rest_.empty()) rest_ = source_();
    return rest_.empty();
  }
  void fill(std::span<std::byte> out) {
    while (!out.empty()) {
      const auto piece = some(out.size());
      if (piece.empty()) throw InputError(name_ + ": truncated: it ends within a variable");
      std::copy(piece.begin(), piece.end(), out.begin());
      out = out.subspan(piece.size());
    }
  }
  void skip(std::uint64_t count) {
    while (count > 0) {
      const auto piece = some(count);
      if (piece.empty()) throw InputError(name_ + ": truncated: it ends within a variable");
      count -= piece.size();
    }
  }

 private:
  const std::string& name_;
  ByteSource source_;
  std::span<const std::byte> rest_;
};

/// One zlib stream.
class Inflated {
 public:
  Inflated(const std::string& name, ByteSource source)
      : name_(name), source_(std::move(source)), plain_(std::size_t{1} << 16) {
    DETOX_ASSERT(inflateInit(&stream_) == Z_OK);
  }
  ~Inflated() { inflateEnd(&stream_); }
  Inflated(const Inflated&) = delete;
  Inflated& operator=(const Inflated&) = delete;

  std::span<const std::byte> next() {
    stream_.next_out = reinterpret_cast<Bytef*>(plain_.data());
    stream_.avail_out = static_cast<uInt>(plain_.size());
    while (!ended_ && stream_.avail_out == plain_.size()) {
      if (stream_.avail_in == 0) feed();
      const int result = inflate(&stream_, Z_NO_FLUSH);
      ended_ = result == Z_STREAM_END;
      if (result != Z_OK && !ended_) {
        throw InputError(fmt::format("{}: its compressed data is damaged ({})", name_,
                                     stream_.msg != nullptr ? stream_.msg : "zlib refuses it"));
      }
    }
    return std::span(plain_).first(plain_.size() - stream_.avail_out);
  }
  bool consumed_all() const { return stream_.avail_in == 0; }

 private:
  void feed() {
    const std::span<const std::byte> piece = source_();
    if (piece.empty()) throw InputError(name_ + ": truncated: its compressed data ends early");
    // zlib's interface is older than const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
  }

  const std::string& name_;
  ByteSource source_;
  std::vector<std::byte> plain_;
  z_stream stream_{};
  bool ended_ = false;
};

struct Tag {
  std::uint32_t type = 0;
  std::uint64_t size = 0;
};

class Verifier {
 public:
  Verifier(const std::string& name, const ByteSource& source) : name_(name), file_(name, source) {}

  std::vector<Mat5Array> run() {
    check_header();
    std::vector<Mat5Array> arrays;
    while (!file_.at_end()) {
      if (arrays.size() == kMostVariables) {
        throw InputError(fmt::format("{}: more than {} variables", name_, kMostVariables));
      }
      arrays.push_back(variable());
    }
    return arrays;
  }

 private:
  void check_header() {
    std::array<std::byte, kHeaderSize> header{};
    file_.fill(header);
    const std::string text(reinterpret_cast<const char*>(header.data()), header.size());
    if (text.starts_with("MATLAB 7.3") || text.substr(1).starts_with("HDF\r\n")) {
      throw InputError(name_ + ": a MATLAB 7.3 file; save it as version 5 (save -v7)");
    }
    if (text.substr(124) != std::string("\0\1IM", 4)) {
      throw InputError(name_ + ": not a MATLAB 5 file (little-endian)");
    }
  }

  static Tag tag_from(std::span<const std::byte> bytes) {
    return {little_endian(bytes), little_endian(bytes.subspan(4))};
  }

  Mat5Array variable() {
    std::array<std::byte, 8> bytes{};
    file_.fill(bytes);
    const Tag tag = tag_from(bytes);
    if (tag.type == kMatrix) return matrix(file_, tag.size);
    if (tag.type != kCompressed) {
      throw InputError(fmt::format("{}: damaged: a variable of type {}", name_, tag.type));
    }
    std::uint64_t left = tag.size;
    Inflated inflated(name_, [this, &left] {
      const auto piece = file_.some(left);
      left -= piece.size();
      return piece;
    });
    Pull plain(name_, [&inflated] { return inflated.next(); });
    plain.fill(bytes);
    const Tag inner = tag_from(bytes);
    if (inner.type != kMatrix) {
      throw InputError(fmt::format("{}: damaged: a variable of type {}", name_, inner.type));
    }
    Mat5Array array = matrix(plain, inner.size);
    if (!plain.at_end() || !inflated.consumed_all() || left > 0) {
      throw InputError(
          fmt::format("{}: damaged: more bytes follow the values of {}", name_, array.name));
    }
    return array;
  }

  /// The body of a miMATRIX element of `size` bytes.
  Mat5Array matrix(Pull& in, std::uint64_t size) const {
    std::array<std::byte, 16> flags{};
    in.fill(flags);
    const Tag tag = tag_from(flags);
    if (tag.type != kUint32 || tag.size != 8) damaged("array flags");
    const std::uint32_t word = little_endian(std::span(flags).subspan(8));

    Mat5Array array;
    std::uint64_t used = flags.size();
    const auto dimensions = element(in, kInt32, 4 * kMostDimensions, used);
    if (dimensions.size() < 8 || dimensions.size() % 4 != 0) damaged("dimensions");
    std::uint64_t values = 1;
    for (std::size_t i = 0; i < dimensions.size(); i += 4) {
      const std::uint32_t extent = little_endian(std::span(dimensions).subspan(i));
      if (extent > kMostValues || (extent > 0 && values > kMostValues / extent)) {
        throw InputError(fmt::format("{}: an array of more than {} values", name_, kMostValues));
      }
      values *= extent;
      array.dimensions.push_back(extent);
    }
    const auto letters = element(in, kInt8, kLongestName, used);
    array.name.assign(reinterpret_cast<const char*>(letters.data()), letters.size());
    array.name = printable(array.name);
    array.number_class = word & 255U;
    if (array.number_class < kFirstNumber || array.number_class > kLastNumber ||
        (word & kComplexFlag) != 0) {
      throw InputError(
          fmt::format("{}: variable {} is no array of real numbers", name_, array.name));
    }
    data(in, array, values, used);
    if (used != size) damaged("length of " + array.name);
    return array;
  }

  void data(Pull& in, const Mat5Array& array, std::uint64_t values, std::uint64_t& used) const {
    std::array<std::byte, 8> bytes{};
    in.fill(bytes);
    used += bytes.size();
    Tag tag = tag_from(bytes);
    const bool is_small = tag.type >> 16U != 0;  // type, length and up to four bytes in eight
    if (is_small) tag = {tag.type & 0xffffU, tag.type >> 16U};
    // MATLAB stores whole numbers of any class as small as they are.
    const bool is_type =
        array.number_class == kMat5Uint8 ? tag.type == kUint8 : size_of_type(tag.type) > 0;
    if (!is_type || tag.size != values * size_of_type(tag.type) || (is_small && tag.size > 4)) {
      throw InputError(fmt::format("{}: damaged: variable {} of {} holds {} bytes of type {}",
                                   name_, array.name, fmt::join(array.dimensions, " x "), tag.size,
                                   tag.type));
    }
    if (is_small) return;
    in.skip(padded(tag.size));
    used += padded(tag.size);
  }

  /// A short sub-element, in either of its two forms.
  std::vector<std::byte> element(Pull& in, std::uint32_t type, std::size_t most,
                                 std::uint64_t& used) const {
    std::array<std::byte, 8> bytes{};
    in.fill(bytes);
    used += bytes.size();
    Tag tag = tag_from(bytes);
    const bool is_small = tag.type >> 16U != 0;
    if (is_small) tag = {tag.type & 0xffffU, tag.type >> 16U};
    if (tag.type != type || tag.size > (is_small ? 4 : most)) {
      damaged(type == kInt8 ? "name of a variable" : "dimensions of a variable");
    }
    std::vector<std::byte> content(static_cast<std::size_t>(tag.size));
    if (is_small) {
      std::copy_n(bytes.begin() + 4, content.size(), content.begin());
      return content;
    }
    in.fill(content);
    in.skip(padded(tag.size) - tag.size);
    used += padded(tag.size);
    return content;
  }

  [[noreturn]] void damaged(const std::string& what) const {
    throw InputError(fmt::format("{}: damaged: the {} is not what MATLAB 5 allows", name_, what));
  }

  const std::string& name_;
  Pull file_;
};

}  // namespace

std::vector<Mat5Array> verify_mat5(const std::string& name, const ByteSource& source) {
  return Verifier(name, source).run();
}

}  // namespace detox
