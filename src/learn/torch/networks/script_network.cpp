#include "learn/torch/networks/script_network.hpp"

#include <fmt/format.h>
#include <torch/script.h>

#include <algorithm>
#include <sstream>

#include "base/names.hpp"
#include "detox/errors.hpp"
#include "learn/torch/networks/script_graph.hpp"

namespace detox {
namespace {

namespace jit = torch::jit;

/// What safetensors calls the type of a buffer that stays as it is; null for other types.
const char* constant_type(torch::ScalarType type) {
  switch (type) {
    case torch::kBool:
      return "BOOL";
    case torch::kUInt8:
      return "U8";
    case torch::kInt8:
      return "I8";
    case torch::kInt16:
      return "I16";
    case torch::kInt32:
      return "I32";
    default:
      return nullptr;
  }
}

std::vector<std::byte> bytes_of_tensor(const torch::Tensor& tensor) {
  const torch::Tensor dense = tensor.contiguous();
  const auto* begin = static_cast<const std::byte*>(dense.data_ptr());
  return {begin, begin + dense.nbytes()};
}

/// [begin, end) of the memory that the tensor's values lie in.
std::pair<const char*, const char*> extent(const torch::Tensor& tensor) {
  std::int64_t last = 0;
  for (std::int64_t i = 0; i < tensor.dim(); ++i) last += (tensor.size(i) - 1) * tensor.stride(i);
  const auto* begin = static_cast<const char*>(tensor.data_ptr());
  return {begin, begin + (last + 1) * static_cast<std::int64_t>(tensor.element_size())};
}

bool share_memory(const torch::Tensor& a, const torch::Tensor& b) {
  if (a.numel() == 0 || b.numel() == 0 || !a.is_alias_of(b)) return false;
  const auto [a_begin, a_end] = extent(a);
  const auto [b_begin, b_end] = extent(b);
  return a_begin < b_end && b_begin < a_end;
}

bool are_one(const torch::Tensor& a, const torch::Tensor& b) {
  return a.is_same(b) ||
         (a.numel() > 0 && a.data_ptr() == b.data_ptr() && a.scalar_type() == b.scalar_type() &&
          a.sizes() == b.sizes() && a.strides() == b.strides());
}

/// Writes what tells an attribute's value from another one: of tensors where they are and how often
/// they were changed in place.
class ValueText {
 public:
  explicit ValueText(std::vector<torch::Tensor>& held) : held_(held) {}

  std::string of(const c10::IValue& value) {
    text_.clear();
    add(value, 0);
    return text_;
  }

 private:
  void add(const c10::IValue& value, int depth) {
    constexpr int kDeepest = 32;  // objects that hold themselves end there
    text_ += value.tagKind();
    if (depth == kDeepest || value.isNone() || value.isModule()) return;
    if (value.isTensor()) {
      add_tensor(value.toTensor());
    } else if (value.isList()) {
      for (const c10::IValue& element : value.toListRef()) add(element, depth + 1);
    } else if (value.isTuple()) {
      for (const c10::IValue& element : value.toTupleRef().elements()) add(element, depth + 1);
    } else if (value.isGenericDict()) {
      for (const auto& entry : value.toGenericDict()) {
        add(entry.key(), depth + 1);
        add(entry.value(), depth + 1);
      }
    } else if (value.isObject()) {
      for (const c10::IValue& slot : value.toObjectRef().slots()) add(slot, depth + 1);
    } else if (value.isString()) {
      text_ += value.toStringRef();
    } else if (value.isInt()) {
      text_ += std::to_string(value.toInt());
    } else if (value.isDouble()) {
      text_ += fmt::format("{:a}", value.toDouble());
    } else if (value.isBool()) {
      text_ += value.toBool() ? '1' : '0';
    }
    text_ += ';';
  }

  void add_tensor(const torch::Tensor& tensor) {
    if (!tensor.defined()) return;
    held_.push_back(tensor);
    text_ += fmt::format("{} {}", fmt::ptr(tensor.unsafeGetTensorImpl()),
                         tensor.is_inference() ? 0 : tensor._version());
  }

  std::vector<torch::Tensor>& held_;
  std::string text_;
};

template <class... Args>
[[noreturn]] void refuse_change(fmt::format_string<Args...> format, Args&&... args) {
  throw InputError("forward changes " + fmt::format(format, std::forward<Args>(args)...));
}

std::string joined(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

bool same_values(const torch::Tensor& a, const torch::Tensor& b) {
  return a.sizes() == b.sizes() && bytes_of_tensor(a) == bytes_of_tensor(b);
}

}  // namespace

ScriptNetwork::ScriptNetwork(std::string bytes) : bytes_(std::move(bytes)), module_(load()) {
  collect();
}

jit::Module ScriptNetwork::load() const {
  std::istringstream stream(bytes_);
  return jit::load(stream, torch::kCPU);
}

bool ScriptNetwork::is_tied(const std::string& name, const torch::Tensor& tensor) {
  for (const auto& [other, known] : seen_) {
    if (are_one(known, tensor)) {
      tied_.push_back({name, other});
      return true;
    }
    if (share_memory(known, tensor)) {
      throw InputError(
          fmt::format("{} and {} share memory and are not one tensor: give each its own",
                      printable(other), printable(name)));
    }
  }
  seen_.emplace_back(name, tensor);
  return false;
}

void ScriptNetwork::collect() {
  for (const auto& item : module_.named_parameters()) {
    if (!is_tied(item.name, item.value)) parameters_.emplace_back(item.name, item.value);
  }
  for (const auto& [name, tensor] : parameters_) {
    if (!tensor.requires_grad()) buffers_.emplace_back(name, tensor);
  }
  for (const auto& item : module_.named_buffers()) {
    if (!is_tied(item.name, item.value)) collect_buffer(item.name, item.value);
  }
  // A vector has its values in the order in which they are named, whatever order memory has them
  // in.
  for (auto& [name, tensor] : seen_) {
    if (!tensor.is_contiguous()) tensor.set_data(tensor.detach().contiguous());
  }
  remember_places();
}

void ScriptNetwork::collect_buffer(const std::string& name, const torch::Tensor& tensor) {
  if (const char* type = constant_type(tensor.scalar_type())) {
    constants_.push_back({name, type, tensor.sizes().vec(), bytes_of_tensor(tensor)});
  } else {
    buffers_.emplace_back(name, tensor);
  }
}

void ScriptNetwork::remember_places() {
  for (const auto& item : module_.named_modules()) {
    const jit::ObjectPtr object = item.value._ivalue();
    const c10::ClassType& type = *object->type();
    remember_attributes(object, item.name);
    for (std::size_t slot = 0; slot < type.numAttributes(); ++slot) {
      if (!is_carried(type, slot) || !object->getSlot(slot).isTensor()) continue;
      const torch::Tensor tensor = object->getSlot(slot).toTensor();
      const auto known = std::find_if(seen_.begin(), seen_.end(), [&](const auto& entry) {
        return are_one(entry.second, tensor);
      });
      if (known == seen_.end()) continue;
      object->setSlot(slot, known->second);
      places_.push_back(
          {object, slot, joined(item.name, type.getAttributeName(slot)), known->second});
    }
  }
  for (const auto& [name, tensor] : seen_) {
    const bool is_integer = tensor.scalar_type() != torch::kFloat32;
    if (counts_batches(name) || !(tensor.requires_grad() || is_integer)) continue;
    fixed_.push_back({name, tensor, is_integer ? tensor.clone() : torch::Tensor(),
                      static_cast<std::uint32_t>(tensor._version())});
  }
}

void ScriptNetwork::remember_attributes(const jit::ObjectPtr& object, const std::string& prefix) {
  const c10::ClassType& type = *object->type();
  for (std::size_t slot = 0; slot < type.numAttributes(); ++slot) {
    const std::string& name = type.getAttributeName(slot);
    if (is_carried(type, slot) || name == "training") continue;
    attributes_.push_back({object, slot, joined(prefix, name), {}, {}});
  }
}

void ScriptNetwork::look_before_forward() {
  for (Attribute& attribute : attributes_) {
    attribute.held.clear();
    attribute.before = ValueText(attribute.held).of(attribute.object->getSlot(attribute.slot));
  }
  for (Fixed& one : fixed_) {
    const auto version = static_cast<std::uint32_t>(one.tensor._version());
    if (version == one.version) continue;
    one.version = version;
    if (one.values.defined()) one.values.copy_(one.tensor);
  }
}

void ScriptNetwork::check_after_forward() const {
  for (const Fixed& one : fixed_) {
    if (static_cast<std::uint32_t>(one.tensor._version()) == one.version) continue;
    if (!one.values.defined()) {
      refuse_change("the parameter {}; only the optimizer may", printable(one.name));
    }
    if (same_values(one.tensor, one.values)) continue;
    refuse_change("the buffer {}, and only float32 buffers go from step to step; make it float32",
                  printable(one.name));
  }
}

void ScriptNetwork::refuse_state(const std::string& name) {
  refuse_change(
      "the attribute {}, which is neither parameter nor buffer, so workers would not agree on it; "
      "make it a buffer: self.register_buffer(\"{}\", torch.tensor(0.0))",
      printable(name), printable(name.substr(name.rfind('.') + 1)));
}

torch::Tensor ScriptNetwork::forward(const torch::Tensor& images) {
  {
    const torch::NoGradGuard no_grad;
    look_before_forward();
  }
  // Forks run where they are met: in a pool of threads their sums would be another thread's
  // settings, and their draws in nobody's order.
  const auto here = [](const std::function<void()>& work) { work(); };
  const auto answer = module_.get_method("forward").run_async({images}, {}, here);
  answer->waitAndThrow();
  const c10::IValue value = answer->value();
  TORCH_CHECK(value.isTensor(), "forward answers no tensor");
  return value.toTensor();
}

void ScriptNetwork::settle() {
  const torch::NoGradGuard no_grad;
  for (const Attribute& attribute : attributes_) {
    std::vector<torch::Tensor> held;
    const c10::IValue& value = attribute.object->getSlot(attribute.slot);
    if (ValueText(held).of(value) != attribute.before) refuse_state(attribute.name);
  }
  for (const Place& place : places_) {
    const c10::IValue& held = place.object->getSlot(place.slot);
    if (held.isTensor() && held.toTensor().is_same(place.tensor)) continue;
    const torch::Tensor value = held.isTensor() ? held.toTensor() : torch::Tensor();
    if (!value.defined() || value.sizes() != place.tensor.sizes() ||
        value.scalar_type() != place.tensor.scalar_type()) {
      throw InputError(fmt::format(
          "forward replaces {} by a value of another shape or type; it has to keep both",
          printable(place.name)));
    }
    place.tensor.copy_(value);
    place.object->setSlot(place.slot, place.tensor);
  }
  check_after_forward();
}

Network::NamedTensors ScriptNetwork::trained() const {
  NamedTensors tensors;
  std::copy_if(parameters_.begin(), parameters_.end(), std::back_inserter(tensors),
               [](const auto& entry) { return entry.second.requires_grad(); });
  return tensors;
}

void ScriptNetwork::initialise(const Key& /*key*/) {
  const torch::NoGradGuard no_grad;
  const jit::Module fresh = load();
  const auto copy = [](const auto& from, const auto& to) {
    auto target = to.begin();
    for (const auto& item : from) {
      (*target).value.copy_(item.value);
      ++target;
    }
  };
  copy(fresh.named_parameters(), module_.named_parameters());
  copy(fresh.named_buffers(), module_.named_buffers());
}

void ScriptNetwork::train(bool on) {
  Network::train(on);
  module_.train(on);
}

}  // namespace detox
