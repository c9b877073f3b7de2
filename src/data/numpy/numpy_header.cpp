#include "data/numpy/numpy_header.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// What the header's Python dictionary says, as text and numbers.
struct Dictionary {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::size_t>> shape;
};

class Fault {
 public:
  explicit Fault(std::string_view where) : where_(where) {}
  [[noreturn]] void operator()(std::string_view what) const {
    throw InputError(fmt::format("{}: {}", where_, what));
  }
  [[noreturn]] void damaged() const { (*this)("damaged NumPy header"); }

 private:
  std::string_view where_;
};

/// Reads the subset of Python's literals that headers use.
class Parser {
 public:
  Parser(std::string_view text, const Fault& fault) : text_(text), fault_(fault) {}

  Dictionary dictionary() {
    Dictionary found;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !found.descr) {
        found.descr = description();
      } else if (key == "fortran_order" && !found.fortran_order) {
        found.fortran_order = boolean();
      } else if (key == "shape" && !found.shape) {
        found.shape = tuple();
      } else {
        fault_.damaged();
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fault_.damaged();
    return found;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fault_.damaged();
  }
  std::string quoted() {
    if (accept('u') && at_ < text_.size() && text_[at_] == ' ') fault_.damaged();
    const char quote = accept('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) fault_.damaged();
    std::string found(text_.substr(at_, end - at_));
    at_ = end + 1;
    return found;
  }
  /// A structured type is a list; its content does not matter here.
  std::string description() {
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[')
      fault_("a structured array; valid: float16, float32, float64");
    return quoted();
  }
  bool boolean() {
    skip_space();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    fault_.damaged();
  }
  std::size_t number() {
    skip_space();
    const std::size_t begin = at_;
    std::size_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const auto digit = static_cast<std::size_t>(text_[at_] - '0');
      if (value > (std::numeric_limits<std::size_t>::max() - digit) / 10) {
        fault_("the shape is too large");
      }
      value = value * 10 + digit;
    }
    if (at_ == begin) fault_.damaged();
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2's long
    return value;
  }
  std::vector<std::size_t> tuple() {
    constexpr std::size_t kMostDimensions = 64;
    std::vector<std::size_t> found;
    expect('(');
    while (!accept(')')) {
      if (found.size() == kMostDimensions) fault_.damaged();
      found.push_back(number());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return found;
  }

  std::string_view text_;
  const Fault& fault_;
  std::size_t at_ = 0;
};

/// Type and byte order.
void read_type(std::string_view descr, const Fault& fault, NumpyHeader& header) {
  std::string_view name = descr;
  if (!name.empty() && std::string_view("<>=|").find(name.front()) != std::string_view::npos) {
    name.remove_prefix(1);
  }
  header.is_big_endian = descr.starts_with('>');
  for (const NumpyType type : {NumpyType::kFloat16, NumpyType::kFloat32, NumpyType::kFloat64}) {
    header.type = type;
    if (name == fmt::format("f{}", size_of(type))) return;
  }
  std::string shown;  // whatever stands there may not be printable
  for (const char c : descr.substr(0, 20)) shown += c >= ' ' && c <= '~' ? c : '?';
  fault(
      fmt::format("values of type '{}'; valid: float16, float32, float64 (save it with "
                  ".astype('float32'))",
                  shown));
}

void read_shape(const std::vector<std::size_t>& shape, const Fault& fault, NumpyHeader& header) {
  if (shape.size() != 2) {
    fault(fmt::format(
        "an array of {} dimensions; valid: 2, (n, d) (save it {})", shape.size(),
        shape.size() < 2 ? "with numpy.stack, a row a vector" : "with .reshape(len(array), -1)"));
  }
  header.n = shape[0];
  header.d = shape[1];
  if (header.n == 0 || header.d == 0) {
    fault(
        fmt::format("an empty array of shape ({}, {}); valid: n >= 1, d >= 1", header.n, header.d));
  }
}

/// Header text, and where it ends.
std::pair<std::string_view, std::size_t> header_text(std::span<const std::byte> file,
                                                     const Fault& fault) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.starts_with("PK")) {
    fault("not a NumPy file (.npy) but an archive (.npz, .pt); save one array with numpy.save");
  }
  if (!text.starts_with(kMagic)) fault("not a NumPy file (.npy)");
  constexpr std::size_t kVersionAt = 6, kLengthAt = 8;
  if (file.size() < kLengthAt + 4) fault("truncated NumPy header");
  const auto byte = [&file](std::size_t i) { return std::to_integer<std::size_t>(file[i]); };
  const std::size_t major = byte(kVersionAt), minor = byte(kVersionAt + 1);
  if (major < 1 || major > 3 || minor != 0) {
    fault(fmt::format("NumPy format version {}.{}; valid: 1.0, 2.0, 3.0", major, minor));
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) length |= byte(kLengthAt + i) << (8 * i);
  const std::size_t begin = kLengthAt + length_bytes;
  if (length > file.size() - begin) fault("truncated NumPy header");
  return {text.substr(begin, length), begin + length};
}

}  // namespace

NumpyHeader parse_numpy(std::span<const std::byte> file, std::string_view where) {
  const Fault fault(where);
  const auto [text, data_offset] = header_text(file, fault);
  const Dictionary found = Parser(text, fault).dictionary();
  if (!found.descr || !found.fortran_order || !found.shape) fault.damaged();
  NumpyHeader header;
  header.data_offset = data_offset;
  header.is_fortran_order = *found.fortran_order;
  read_type(*found.descr, fault, header);
  read_shape(*found.shape, fault, header);
  const std::size_t value_bytes = size_of(header.type);
  const std::size_t most = std::numeric_limits<std::size_t>::max() / value_bytes;
  if (header.n > most / header.d) {
    fault(fmt::format("shape ({}, {}) is more than memory can hold", header.n, header.d));
  }
  const std::size_t expected = header.n * header.d * value_bytes;
  const std::size_t present = file.size() - data_offset;
  if (present != expected) {
    fault(fmt::format("{}: shape ({}, {}) needs {} bytes of values, the file has {}",
                      present < expected ? "truncated" : "trailing bytes", header.n, header.d,
                      expected, present));
  }
  return header;
}

}  // namespace detox
