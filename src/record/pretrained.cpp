#include "record/pretrained.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/file.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"
#include "record/foreign_names.hpp"
#include "record/safetensors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

template <class T>
T value_at(std::span<const std::byte> bytes, std::size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

/// IEEE 754's 16 bits: one of sign, five of exponent, ten of fraction.
float from_half(std::uint16_t bits) {
  const float sign = (bits & 0x8000U) != 0 ? -1.0F : 1.0F;
  const auto exponent = static_cast<int>((bits >> 10U) & 31U);
  const auto fraction = static_cast<float>(bits & 1023U);
  if (exponent == 31) return fraction > 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024.0F + fraction, exponent - 25);
}

float from_bfloat(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

std::optional<std::vector<float>> floats_of(const TensorView& tensor, std::size_t count) {
  std::vector<float> values(count);
  const auto fill = [&](const auto& read) {
    for (std::size_t i = 0; i < count; ++i) values[i] = read(i);
    return values;
  };
  const auto bytes = tensor.bytes;
  if (tensor.dtype == "F32") return fill([&](std::size_t i) { return value_at<float>(bytes, i); });
  if (tensor.dtype == "F64") {
    return fill([&](std::size_t i) { return static_cast<float>(value_at<double>(bytes, i)); });
  }
  if (tensor.dtype == "F16") {
    return fill([&](std::size_t i) { return from_half(value_at<std::uint16_t>(bytes, i)); });
  }
  if (tensor.dtype == "BF16") {
    return fill([&](std::size_t i) { return from_bfloat(value_at<std::uint16_t>(bytes, i)); });
  }
  return std::nullopt;
}

std::optional<std::vector<std::int64_t>> integers_of(const TensorView& tensor, std::size_t count) {
  std::vector<std::int64_t> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (tensor.dtype == "I64") {
      values[i] = value_at<std::int64_t>(tensor.bytes, i);
    } else if (tensor.dtype == "I32") {
      values[i] = value_at<std::int32_t>(tensor.bytes, i);
    } else {
      return std::nullopt;
    }
  }
  return values;
}

/// The values of dimension 0 or 1 in another order.
std::vector<float> reordered(const std::vector<float>& values, const TensorInfo& info,
                             const ChannelOrder& order) {
  const std::size_t count = order.from.size();
  const std::size_t outer = order.dimension == 0 ? 1 : static_cast<std::size_t>(info.shape[0]);
  const std::size_t inner = values.size() / (outer * count);
  std::vector<float> result(values.size());
  for (std::size_t i = 0; i < outer; ++i) {
    for (std::size_t channel = 0; channel < count; ++channel) {
      std::copy_n(
          values.begin() + static_cast<std::ptrdiff_t>((i * count + order.from[channel]) * inner),
          inner, result.begin() + static_cast<std::ptrdiff_t>((i * count + channel) * inner));
    }
  }
  return result;
}

bool same_shape(const TensorView& tensor, const std::vector<std::int64_t>& shape) {
  return std::equal(
      tensor.shape.begin(), tensor.shape.end(), shape.begin(), shape.end(),
      [](std::uint64_t a, std::int64_t b) { return a == static_cast<std::uint64_t>(b); });
}

class Reader {
 public:
  Reader(std::string name, const ModelLayout& layout, const ModelState& initial, Tensors tensors)
      : name_(std::move(name)), layout_(layout), tensors_(std::move(tensors)), read_{initial, {}} {
    newest_first_ = has_newest_channels_first(tensors_);
    read_.notes = rename_tensors(layout_, tensors_);
    std::string last = layout_.parameters.empty() ? "" : layout_.parameters.back().name;
    head_ = last.substr(0, last.rfind('.') + 1);
  }

  void leave_head() {
    std::erase_if(tensors_, [&](const auto& entry) { return is_in_head(entry.first); });
    head_is_fresh_ = true;
    read_.notes.push_back(
        fmt::format("the last layer, {}, stays as it is initialised",
                    head_.substr(0, head_.size() - std::min<std::size_t>(1, head_.size()))));
  }

  Pretrained read() {
    untie();
    for (const TensorInfo& info : layout_.parameters) read_floats(info, read_.model.parameters);
    for (const TensorInfo& info : layout_.statistics) read_floats(info, read_.model.statistics);
    for (const TensorInfo& info : layout_.counters) read_integers(info);
    for (const ConstantTensor& constant : layout_.constants) compare(constant);
    if (!tensors_.empty()) {
      other_network(
          fmt::format("this network has no tensor '{}'", printable(tensors_.begin()->first)));
    }
    for (const std::string& type : types_) {
      read_.notes.push_back(
          fmt::format("{} values are {} float32", type, type == "F64" ? "rounded to" : "taken as"));
    }
    if (uncounted_) read_.notes.emplace_back("it has no num_batches_tracked: batches count from 0");
    return std::move(read_);
  }

 private:
  bool is_in_head(const std::string& name) const {
    return name.starts_with(head_) && name.find('.', head_.size()) == std::string::npos;
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw InputError(fmt::format("{}: {}", name_, why));
  }

  [[noreturn]] void other_network(const std::string& why) const {
    refuse("weights of another network: " + why);
  }

  void untie() {
    for (const TiedTensor& tied : layout_.tied) {
      const auto found = tensors_.find(tied.name);
      if (found == tensors_.end()) continue;
      const auto [other, is_alone] = tensors_.emplace(tied.of, found->second);
      const bool agree = other->second.dtype == found->second.dtype &&
                         std::ranges::equal(other->second.bytes, found->second.bytes);
      if (!agree) {
        refuse(fmt::format("'{}' and '{}' differ, and are one tensor in this network",
                           printable(tied.of), printable(tied.name)));
      }
      tensors_.erase(tied.name);
    }
  }

  void check_shape(const TensorInfo& info, const TensorView& tensor) const {
    if (same_shape(tensor, info.shape)) return;
    const std::string what =
        fmt::format("tensor '{}' is of shape [{}], not [{}]", printable(info.name),
                    fmt::join(tensor.shape, ", "), fmt::join(info.shape, ", "));
    const bool other_classes =
        is_in_head(info.name) && tensor.shape.size() == info.shape.size() && !info.shape.empty() &&
        std::equal(
            tensor.shape.begin() + 1, tensor.shape.end(), info.shape.begin() + 1,
            [](std::uint64_t a, std::int64_t b) { return a == static_cast<std::uint64_t>(b); });
    if (other_classes) {
      refuse(
          fmt::format("{}: it is for {} classes; --pretrained-head fresh leaves the last layer "
                      "as it is initialised",
                      what, tensor.shape[0]));
    }
    other_network(what);
  }

  void read_floats(const TensorInfo& info, std::vector<float>& values) {
    if (head_is_fresh_ && is_in_head(info.name)) return;
    const auto found = tensors_.find(info.name);
    if (found == tensors_.end()) missing(info.name);
    check_shape(info, found->second);
    const auto read = floats_of(found->second, info.size);
    if (!read) {
      refuse(fmt::format("tensor '{}' is {}; valid: F32, F64, F16 or BF16", printable(info.name),
                         found->second.dtype));
    }
    if (found->second.dtype != "F32") types_.insert(found->second.dtype);
    const float* const initial = values.data() + info.offset;
    for (std::size_t i = 0; i < info.size; ++i) {
      const float value = (*read)[i];
      // A mask of infinities, say, which the network has itself.
      if (std::isfinite(value) || value == initial[i]) continue;
      refuse(fmt::format("tensor '{}' holds {}: no run can begin with that", printable(info.name),
                         std::isnan(value) ? "NaN" : "a value beyond float32"));
    }
    const ChannelOrder order =
        newest_first_ ? newest_first_order(layout_, info.name, info.shape) : ChannelOrder{};
    const std::vector<float>& placed = order.from.empty() ? *read : reordered(*read, info, order);
    std::copy(placed.begin(), placed.end(),
              values.begin() + static_cast<std::ptrdiff_t>(info.offset));
    tensors_.erase(found);
  }

  void read_integers(const TensorInfo& info) {
    const auto found = tensors_.find(info.name);
    if (found == tensors_.end()) {
      if (!counts_batches(info.name)) missing(info.name);
      uncounted_ = true;
      return;
    }
    check_shape(info, found->second);
    const auto read = integers_of(found->second, info.size);
    if (!read) {
      refuse(fmt::format("tensor '{}' is {}; valid: I64 or I32", printable(info.name),
                         found->second.dtype));
    }
    std::copy(read->begin(), read->end(),
              read_.model.counters.begin() + static_cast<std::ptrdiff_t>(info.offset));
    tensors_.erase(found);
  }

  /// The network keeps its own.
  void compare(const ConstantTensor& constant) {
    const auto found = tensors_.find(constant.name);
    if (found == tensors_.end()) return;
    if (found->second.dtype != constant.dtype || !same_shape(found->second, constant.shape) ||
        !std::ranges::equal(found->second.bytes, constant.bytes)) {
      refuse(fmt::format("tensor '{}' is not what the network has, and never changes",
                         printable(constant.name)));
    }
    tensors_.erase(found);
  }

  [[noreturn]] void missing(const std::string& name) const {
    std::string there = "it holds nothing else";
    if (!tensors_.empty()) {
      there = fmt::format("it has '{}'", printable(tensors_.begin()->first));
    }
    if (is_in_head(name)) there += "; --pretrained-head fresh goes without the last layer";
    other_network(fmt::format("tensor '{}' is missing ({})", printable(name), there));
  }

  std::string name_;
  const ModelLayout& layout_;
  Tensors tensors_;
  Pretrained read_;
  std::string head_;  ///< what the names of the last layer's parameters begin with
  std::set<std::string> types_;
  bool newest_first_ = false, head_is_fresh_ = false, uncounted_ = false;
};

/// What else weights are kept in, told by its first bytes.
void refuse_other_formats(const std::string& name, std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes.first(std::min<std::size_t>(bytes.size(), 9)));
  if (text.size() == 9 && text[8] == '{') return;  // a length may look like anything
  const bool is_pickle = text.size() > 1 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5;
  if (text.starts_with("PK\3\4") || is_pickle) {
    throw InputError(fmt::format(
        "{0}: what torch.save writes, a pickle, which is never read here; convert it with python3 "
        "-m detoxml.convert {0} weights.safetensors (docs/networks.md)",
        name));
  }
  if (text.starts_with("\x89HDF")) {
    throw InputError(name + ": an HDF5 file (Keras); valid: safetensors with PyTorch's state_dict");
  }
}

}  // namespace

Pretrained load_pretrained(const fs::path& file, const ModelLayout& layout,
                           const ModelState& initial, bool fresh_head) {
  const std::vector<std::byte> bytes = read_file(file);
  refuse_other_formats(file.string(), bytes);
  Safetensors content = parse_safetensors(file.string(), bytes);
  Reader reader(file.string(), layout, initial, std::move(content.tensors));
  if (fresh_head) reader.leave_head();
  return reader.read();
}

}  // namespace detox
