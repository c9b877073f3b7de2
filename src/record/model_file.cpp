#include "record/model_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"
#include "record/safetensors_header.hpp"

namespace detox {
namespace {

constexpr const char* kOtherNetwork = "a checkpoint of another network";

template <class T>
constexpr const char* kDtype = "";
template <>
constexpr const char* kDtype<float> = "F32";
template <>
constexpr const char* kDtype<std::int64_t> = "I64";

std::vector<std::uint64_t> unsigned_shape(const std::vector<std::int64_t>& extents) {
  return {extents.begin(), extents.end()};
}

std::size_t end_of(const std::vector<TensorInfo>& infos) {
  return infos.empty() ? 0 : infos.back().offset + infos.back().size;
}

template <class T>
void add(const std::vector<TensorInfo>& infos, const std::string& prefix, std::span<const T> values,
         Safetensors& content) {
  DETOX_ASSERT(values.size() == end_of(infos));
  for (const TensorInfo& info : infos) {
    const std::span<const T> part = values.subspan(info.offset, info.size);
    const bool is_new =
        content.tensors
            .emplace(prefix + info.name,
                     TensorView{kDtype<T>, unsigned_shape(info.shape), std::as_bytes(part)})
            .second;
    DETOX_ASSERT(is_new);
  }
}

template <class T>
void take(const std::string& name, const std::vector<TensorInfo>& infos, const std::string& prefix,
          Safetensors& content, std::vector<T>& values) {
  values.resize(end_of(infos));
  for (const TensorInfo& info : infos) {
    const auto found = content.tensors.find(prefix + info.name);
    if (found == content.tensors.end()) {
      throw InputError(
          fmt::format("{}: {}: tensor '{}{}' is missing", name, kOtherNetwork, prefix, info.name));
    }
    const TensorView& tensor = found->second;
    if (tensor.dtype != kDtype<T> || tensor.shape != unsigned_shape(info.shape)) {
      throw InputError(
          fmt::format("{}: {}: tensor '{}{}' is {} of shape [{}], not {} of shape [{}]", name,
                      kOtherNetwork, prefix, info.name, tensor.dtype, fmt::join(tensor.shape, ", "),
                      kDtype<T>, fmt::join(info.shape, ", ")));
    }
    DETOX_ASSERT(tensor.bytes.size() == info.size * sizeof(T));
    if (info.size > 0) {
      std::memcpy(values.data() + info.offset, tensor.bytes.data(), tensor.bytes.size());
    }
    content.tensors.erase(found);
  }
}

TensorView view_of(const ConstantTensor& constant) {
  return {constant.dtype, unsigned_shape(constant.shape), constant.bytes};
}

/// Takes out a tensor that has to be this one.
void take_equal(const std::string& name, const std::string& tensor, const TensorView& expected,
                Safetensors& content) {
  const auto found = content.tensors.find(tensor);
  const bool equal = found != content.tensors.end() && found->second.dtype == expected.dtype &&
                     found->second.shape == expected.shape &&
                     std::ranges::equal(found->second.bytes, expected.bytes);
  if (!equal) {
    throw InputError(
        fmt::format("{}: {}: tensor '{}' is missing, or not what this network has there", name,
                    kOtherNetwork, tensor));
  }
  content.tensors.erase(found);
}

}  // namespace

void add_tensors(const std::vector<TensorInfo>& infos, const std::string& prefix,
                 std::span<const float> values, Safetensors& content) {
  add(infos, prefix, values, content);
}

void add_tensors(const std::vector<TensorInfo>& infos, const std::string& prefix,
                 std::span<const std::int64_t> values, Safetensors& content) {
  add(infos, prefix, values, content);
}

void take_tensors(const std::string& name, const std::vector<TensorInfo>& infos,
                  const std::string& prefix, Safetensors& content, std::vector<float>& values) {
  take(name, infos, prefix, content, values);
}

void take_tensors(const std::string& name, const std::vector<TensorInfo>& infos,
                  const std::string& prefix, Safetensors& content,
                  std::vector<std::int64_t>& values) {
  take(name, infos, prefix, content, values);
}

void refuse_unknown_tensors(const std::string& name, const Safetensors& content) {
  if (content.tensors.empty()) return;
  throw InputError(fmt::format("{}: {}: this network has no tensor '{}'", name, kOtherNetwork,
                               printable(content.tensors.begin()->first)));
}

Safetensors model_content(const ModelLayout& layout, const ModelState& model) {
  Safetensors content;
  add_tensors(layout.parameters, "", model.parameters, content);
  add_tensors(layout.statistics, "", model.statistics, content);
  add_tensors(layout.counters, "", model.counters, content);
  for (const ConstantTensor& constant : layout.constants) {
    content.tensors.emplace(constant.name, view_of(constant));
  }
  for (const TiedTensor& tied : layout.tied) {
    content.tensors.emplace(tied.name, TensorView(content.tensors.at(tied.of)));
  }
  return content;
}

ModelState parse_model(const std::string& name, std::span<const std::byte> bytes,
                       const ModelLayout& layout) {
  Safetensors content = parse_safetensors(name, bytes);
  ModelState model;
  // Before the tensors that they repeat are taken out.
  for (const TiedTensor& tied : layout.tied) {
    const auto of = content.tensors.find(tied.of);
    if (of != content.tensors.end()) take_equal(name, tied.name, TensorView(of->second), content);
  }
  for (const ConstantTensor& constant : layout.constants) {
    take_equal(name, constant.name, view_of(constant), content);
  }
  take_tensors(name, layout.parameters, "", content, model.parameters);
  take_tensors(name, layout.statistics, "", content, model.statistics);
  take_tensors(name, layout.counters, "", content, model.counters);
  refuse_unknown_tensors(name, content);
  return model;
}

}  // namespace detox
