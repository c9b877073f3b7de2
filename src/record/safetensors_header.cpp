#include "record/safetensors_header.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/names.hpp"
#include "record/damaged_file.hpp"

namespace detox {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::size_t kMostDimensions = 32;

/// nlohmann's events -> SafetensorsHeader. Every handler returns false, with the reason in error_,
/// to stop.
class HeaderHandler {
 public:
  SafetensorsHeader& header() { return header_; }
  const std::string& error() const { return error_; }

  bool null() { return unexpected("null"); }
  bool boolean(bool) { return unexpected("a boolean"); }
  bool number_integer(std::int64_t) { return unexpected("a negative number"); }
  bool number_float(double, const std::string&) { return unexpected("a number that is no size"); }
  bool binary(std::vector<std::uint8_t>&) { return unexpected("binary data"); }

  bool number_unsigned(std::uint64_t value) {
    if (place_ == Place::kShape) {
      if (entry_.shape.size() == kMostDimensions) return stop("has too many dimensions");
      entry_.shape.push_back(value);
      return true;
    }
    if (place_ == Place::kOffsets) {
      if (offsets_ == 2) return stop("has more than two offsets");
      entry_.offsets[offsets_++] = value;
      return true;
    }
    return unexpected("a number");
  }

  bool string(std::string& value) {
    if (place_ == Place::kMetadata) {
      header_.metadata[field_] = value;
      return true;
    }
    if (place_ == Place::kTensor && field_ == "dtype") {
      entry_.dtype = value;
      return true;
    }
    return unexpected("a string");
  }

  bool start_object(std::size_t) {
    if (place_ == Place::kStart) {
      place_ = Place::kRoot;
    } else if (place_ == Place::kRoot) {
      place_ = tensor_ == kMetadataKey ? Place::kMetadata : Place::kTensor;
      entry_ = {};
      offsets_ = 0;
      has_dtype_ = has_shape_ = has_offsets_ = false;
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(std::string& value) {
    if (place_ == Place::kRoot) {
      tensor_ = value;
      if (tensor_ == kMetadataKey) {
        if (has_metadata_) return stop("comes twice");
        has_metadata_ = true;
        return true;
      }
      return !header_.tensors.contains(value) || stop("comes twice");
    }
    field_ = value;
    if (place_ == Place::kMetadata) {
      return !header_.metadata.contains(value) || stop("has a key twice");
    }
    bool* seen = value == "dtype"          ? &has_dtype_
                 : value == "shape"        ? &has_shape_
                 : value == "data_offsets" ? &has_offsets_
                                           : nullptr;
    if (seen == nullptr) return stop("has an unknown field");
    if (*seen) return stop("has a field twice");
    return *seen = true;
  }

  bool end_object() {
    if (place_ == Place::kTensor) {
      if (!has_dtype_ || !has_shape_ || !has_offsets_ || offsets_ != 2) {
        return stop("lacks its dtype, shape or data_offsets");
      }
      header_.tensors.emplace(tensor_, std::move(entry_));
    }
    place_ = place_ == Place::kRoot ? Place::kEnd : Place::kRoot;
    return true;
  }

  bool start_array(std::size_t) {
    if (place_ == Place::kTensor && field_ == "shape") {
      place_ = Place::kShape;
    } else if (place_ == Place::kTensor && field_ == "data_offsets") {
      place_ = Place::kOffsets;
    } else {
      return unexpected("an array");
    }
    return true;
  }

  bool end_array() {
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    error_ = "its header is no valid JSON at byte " + std::to_string(position);
    return false;
  }

 private:
  enum class Place { kStart, kRoot, kMetadata, kTensor, kShape, kOffsets, kEnd };

  bool stop(std::string_view what) {
    error_ = "the entry '" + printable(tensor_) + "' of its header " + std::string(what);
    return false;
  }
  bool unexpected(std::string_view what) {
    return stop("holds " + std::string(what) + " where it does not belong");
  }

  SafetensorsHeader header_;
  std::string error_;
  Place place_ = Place::kStart;
  std::string tensor_, field_;
  SafetensorsEntry entry_;
  std::size_t offsets_ = 0;
  bool has_metadata_ = false, has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(const std::string& name, std::string_view json) {
  if (!json.starts_with('{')) throw DamagedFile(name + ": its header is no JSON object");
  HeaderHandler handler;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &handler)) {
    throw DamagedFile(name + ": damaged or no safetensors file: " + handler.error());
  }
  return std::move(handler.header());
}

std::string format_safetensors_header(const SafetensorsHeader& header) {
  nlohmann::json json = nlohmann::json::object();
  if (!header.metadata.empty()) json[std::string(kMetadataKey)] = header.metadata;
  for (const auto& [name, entry] : header.tensors) {
    json[name] = {{"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", entry.offsets}};
  }
  return json.dump();
}

}  // namespace detox
