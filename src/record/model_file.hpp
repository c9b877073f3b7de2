// Flat vectors <-> named tensors.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/learner.hpp"
#include "record/safetensors.hpp"

namespace detox {

/// Adds one tensor for each of `infos`, named prefix + name, that views its part of `values`.
void add_tensors(const std::vector<TensorInfo>& infos, const std::string& prefix,
                 std::span<const float> values, Safetensors& content);
void add_tensors(const std::vector<TensorInfo>& infos, const std::string& prefix,
                 std::span<const std::int64_t> values, Safetensors& content);

/// The reverse; what was taken is removed from `content`. InputError, opening with `name`, where a
/// tensor is missing or has another type or shape.
void take_tensors(const std::string& name, const std::vector<TensorInfo>& infos,
                  const std::string& prefix, Safetensors& content, std::vector<float>& values);
void take_tensors(const std::string& name, const std::vector<TensorInfo>& infos,
                  const std::string& prefix, Safetensors& content,
                  std::vector<std::int64_t>& values);

/// InputError where a tensor is left.
void refuse_unknown_tensors(const std::string& name, const Safetensors& content);

/// The state_dict of a model; its tensors view `model`.
Safetensors model_content(const ModelLayout& layout, const ModelState& model);

/// The model in the bytes of a file.
ModelState parse_model(const std::string& name, std::span<const std::byte> bytes,
                       const ModelLayout& layout);

}  // namespace detox
