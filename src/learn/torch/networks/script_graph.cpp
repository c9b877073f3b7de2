#include "learn/torch/networks/script_graph.hpp"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <unordered_map>

namespace detox {
namespace {

namespace jit = torch::jit;

/// All nodes that forward may come to: through calls, branches, forks and interfaces.
class ForwardNodes {
 public:
  using Visit = std::function<void(const jit::Node&)>;

  ForwardNodes(const jit::Module& module, Visit visit)
      : module_(module), visit_(std::move(visit)) {}

  void visit_all() { enter_method(module_, "", "forward"); }

  /// The name of the attribute, or of the submodule, that this value is; null where it is none, or
  /// is carried by the state_dict.
  const std::string* path_of(const jit::Value* value) const {
    const auto found = paths_.find(value);
    return found == paths_.end() ? nullptr : &found->second;
  }

  static std::string join(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
  }

 private:
  void enter_method(const jit::Module& owner, const std::string& path, const std::string& name) {
    if (!entered_.insert(join(path, name)).second) return;
    const auto method = owner.find_method(name);
    if (!method) return;
    const jit::Graph& graph = keep_inlined(method->graph());
    if (!graph.inputs().empty()) paths_[graph.inputs()[0]] = path;
    enter(*graph.block());
  }

  jit::Graph& keep_inlined(const std::shared_ptr<jit::Graph>& graph) {
    graphs_.push_back(graph->copy());
    jit::Inline(*graphs_.back());
    return *graphs_.back();
  }

  void enter(const jit::Block& block) {
    for (const jit::Node* node : block.nodes()) {
      visit_(*node);
      follow(*node);
      if (node->hasAttribute(c10::attr::Subgraph)) enter_subgraph(*node);
      for (const jit::Block* inner : node->blocks()) enter(*inner);
    }
  }

  void enter_subgraph(const jit::Node& node) {
    const jit::Graph& graph = keep_inlined(node.g(c10::attr::Subgraph));
    const std::size_t count = std::min(graph.inputs().size(), node.inputs().size());
    for (std::size_t i = 0; i < count; ++i) {
      if (const std::string* path = path_of(node.input(i))) paths_[graph.inputs()[i]] = *path;
    }
    enter(*graph.block());
  }

  void follow(const jit::Node& node) {
    if (node.kind() == c10::prim::CallMethod) return enter_interface(node);
    if (node.inputs().empty() || node.outputs().size() != 1) return;
    const std::string* path = path_of(node.input(0));
    if (path == nullptr) return;
    if (node.kind() == c10::prim::GetAttr) {
      const auto type = node.input(0)->type()->cast<c10::ClassType>();
      const std::string& name = node.s(c10::attr::name);
      const auto slot = type ? type->findAttributeSlot(name) : c10::nullopt;
      if (slot && !is_carried(*type, *slot)) paths_[node.output()] = join(*path, name);
    } else if (node.kind() == c10::prim::unchecked_cast ||
               node.kind() == c10::prim::unchecked_unwrap_optional ||
               node.kind() == c10::aten::_unwrap_optional) {
      paths_[node.output()] = std::string(*path);
    }
  }

  /// Behind an interface may be any submodule that has the method.
  void enter_interface(const jit::Node& node) {
    for (const auto& item : module_.named_modules()) {
      enter_method(item.value, item.name, node.s(c10::attr::name));
    }
  }

  const jit::Module& module_;
  Visit visit_;
  std::vector<std::shared_ptr<jit::Graph>> graphs_;
  std::unordered_map<const jit::Value*, std::string> paths_;
  std::set<std::string> entered_;
};

/// The attribute that the node gives another value; empty where it is none, or is carried.
std::string set_by(const jit::Node& node, const ForwardNodes& nodes) {
  const auto type = node.input(0)->type()->cast<c10::ClassType>();
  const std::string& name = node.s(c10::attr::name);
  const std::string* path = nodes.path_of(node.input(0));
  // An object that is no module, and that forward made itself, is no state.
  if (!type || (path == nullptr && !type->is_module())) return {};
  const auto slot = type->findAttributeSlot(name);
  if (slot && is_carried(*type, *slot)) return {};
  return ForwardNodes::join(path == nullptr ? "" : *path, name);
}

std::string written_by(const jit::Node& node, const ForwardNodes& nodes) {
  const c10::FunctionSchema* schema = node.maybeSchema();
  if (schema == nullptr) return {};
  const std::size_t count = std::min(schema->arguments().size(), node.inputs().size());
  for (std::size_t i = 0; i < count; ++i) {
    const c10::AliasInfo* alias = schema->arguments()[i].alias_info();
    if (alias == nullptr || !alias->isWrite()) continue;
    if (const std::string* path = nodes.path_of(node.input(i))) return *path;
  }
  return {};
}

}  // namespace

bool is_carried(const c10::ClassType& module, std::size_t slot) {
  if (!module.is_module()) return false;
  return module.is_parameter(slot) ||
         (module.is_buffer(slot) &&
          module.getAttribute(slot)->isSubtypeOf(*c10::TensorType::get()));
}

std::string attribute_set_by_forward(const jit::Module& module) {
  std::string found;
  const ForwardNodes* all = nullptr;
  ForwardNodes nodes(module, [&](const jit::Node& node) {
    if (!found.empty()) return;
    found = node.kind() == c10::prim::SetAttr ? set_by(node, *all) : written_by(node, *all);
  });
  all = &nodes;
  nodes.visit_all();
  return found;
}

FixedModes fixed_modes(const jit::Module& module) {
  std::set<std::string> training, evaluating;
  ForwardNodes nodes(module, [&](const jit::Node& node) {
    const c10::FunctionSchema* schema = node.maybeSchema();
    if (schema == nullptr || !node.kind().is_aten()) return;
    for (const char* name : {"training", "train"}) {
      const auto index = schema->argumentIndexWithName(name);
      if (!index || static_cast<std::size_t>(*index) >= node.inputs().size()) continue;
      const auto value = jit::toIValue(node.input(static_cast<std::size_t>(*index)));
      if (!value || !value->isBool()) continue;
      (value->toBool() ? training : evaluating).insert(node.kind().toUnqualString());
    }
  });
  nodes.visit_all();
  return {{training.begin(), training.end()}, {evaluating.begin(), evaluating.end()}};
}

}  // namespace detox
