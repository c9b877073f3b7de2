#include "learn/learner_layout.hpp"

#include <fmt/format.h>

#include <span>

#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

std::string owned(detox_text text) {
  return text.size == 0 ? std::string() : std::string(text.data, text.size);
}

std::vector<std::int64_t> owned_shape(const std::int64_t* shape, std::size_t dimensions) {
  return dimensions == 0 ? std::vector<std::int64_t>()
                         : std::vector<std::int64_t>(shape, shape + dimensions);
}

/// Elements of a shape; nothing that fits in memory has more than 2^48.
std::size_t elements(const std::vector<std::int64_t>& shape) {
  constexpr std::int64_t kMost = std::int64_t{1} << 48U;
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || (extent > 0 && product > kMost / extent)) return SIZE_MAX;
    product *= extent;
  }
  return static_cast<std::size_t>(product);
}

std::vector<TensorInfo> tensors_of(const detox_tensor* tensors, std::size_t count) {
  std::vector<TensorInfo> infos;
  infos.reserve(count);
  std::size_t next = 0;
  for (const detox_tensor& tensor : std::span(tensors, count)) {
    infos.push_back({.name = owned(tensor.name),
                     .shape = owned_shape(tensor.shape, tensor.dimensions),
                     .offset = tensor.offset,
                     .size = tensor.size});
    const TensorInfo& info = infos.back();
    if (info.offset != next || info.size != elements(info.shape)) {
      throw InputError(
          fmt::format("the learner module's tensor {} of {} elements at {} is not as its shape and "
                      "place say",
                      printable(info.name), info.size, info.offset));
    }
    next += info.size;
  }
  return infos;
}

}  // namespace

ModelLayout layout_of(const detox_model_layout& view) {
  ModelLayout layout;
  layout.parameters = tensors_of(view.parameters, view.parameters_count);
  layout.statistics = tensors_of(view.statistics, view.statistics_count);
  layout.counters = tensors_of(view.counters, view.counters_count);
  for (const detox_tied_tensor& tied : std::span(view.tied, view.tied_count))
    layout.tied.push_back({.name = owned(tied.name), .of = owned(tied.of)});
  for (const detox_constant_tensor& constant : std::span(view.constants, view.constants_count)) {
    const auto* bytes = static_cast<const std::byte*>(constant.bytes);
    layout.constants.push_back({.name = owned(constant.name),
                                .dtype = owned(constant.dtype),
                                .shape = owned_shape(constant.shape, constant.dimensions),
                                .bytes = std::vector<std::byte>(bytes, bytes + constant.size)});
  }
  layout.source = owned(view.source);
  for (const detox_text& notice : std::span(view.notices, view.notices_count))
    layout.notices.push_back(owned(notice));
  return layout;
}

}  // namespace detox
