// TorchScript modules as networks. Their weights are those in the file. The profiling executor is
// off: the first execution of a module under it gives other bits than the later ones. A module that
// draws random numbers in training (dropout) is found by the operations in its code.
#include "learn/networks/torchscript.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/digest.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"
#include "learn/networks/network.hpp"
#include "learn/numerics.hpp"

namespace detox {
namespace {

namespace jit = torch::jit;

/// Parts of the names of operations that draw. One too many costs the concurrency of forward
/// passes, one too few the agreement of replicas.
constexpr std::array<std::string_view, 12> kDrawing{
    "bernoulli",   "binomial", "cauchy", "dropout", "exponential", "geometric",
    "multinomial", "normal_",  "normal", "poisson", "rand",        "rrelu"};

bool draws_in(const jit::Block& block) {
  for (const jit::Node* node : block.nodes()) {
    const std::string_view name = node->kind().toUnqualString();
    const bool is_aten = node->kind().is_aten();
    if (is_aten && (name == "uniform_" || name == "log_normal_" ||
                    std::any_of(kDrawing.begin(), kDrawing.end(), [&](std::string_view part) {
                      return name.find(part) != std::string_view::npos;
                    }))) {
      return true;
    }
    for (const jit::Block* inner : node->blocks()) {
      if (draws_in(*inner)) return true;
    }
  }
  return false;
}

bool draws_in(const jit::Module& module) {
  const auto graph = module.get_method("forward").graph()->copy();
  jit::Inline(*graph);
  return draws_in(*graph->block());
}

class ScriptNetwork final : public Network {
 public:
  explicit ScriptNetwork(std::string bytes)
      : bytes_(std::move(bytes)), module_(load()), draws_(draws_in(module_)) {}

  torch::Tensor forward(const torch::Tensor& images) override {
    const jit::IValue answer = module_.forward({images});
    TORCH_CHECK(answer.isTensor(), "forward answers no tensor");
    return answer.toTensor();
  }

  NamedTensors trained() const override {
    NamedTensors tensors;
    for (const auto& item : module_.named_parameters()) {
      if (item.value.requires_grad()) tensors.emplace_back(item.name, item.value);
    }
    return tensors;
  }

  NamedTensors buffered() const override {
    NamedTensors tensors;
    for (const auto& item : module_.named_parameters()) {
      if (!item.value.requires_grad()) tensors.emplace_back(item.name, item.value);
    }
    for (const auto& item : module_.named_buffers()) tensors.emplace_back(item.name, item.value);
    return tensors;
  }

  void initialise(const Key& /*key*/) override {
    const torch::NoGradGuard no_grad;
    const jit::Module fresh = load();
    copy(fresh.named_parameters(), module_.named_parameters());
    copy(fresh.named_buffers(), module_.named_buffers());
  }

  bool draws() const override { return draws_; }

  void train(bool on = true) override {
    Network::train(on);
    module_.train(on);
  }

 private:
  jit::Module load() const {
    std::istringstream stream(bytes_);
    return jit::load(stream, torch::kCPU);
  }

  template <class List>
  static void copy(const List& from, const List& to) {
    auto target = to.begin();
    for (const auto& item : from) {
      (*target).value.copy_(item.value);
      ++target;
    }
  }

  std::string bytes_;
  jit::Module module_;
  bool draws_;
};

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw InputError(fmt::format("--network {}: {}", path, why));
}

std::string read(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) refuse(path, "no such file");
  if (!std::filesystem::is_regular_file(path, ignored)) refuse(path, "not a regular file");
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (!file || !bytes) refuse(path, "cannot be read");
  return bytes.str();
}

void check_tensors(const std::string& path, const Network& network) {
  const Network::NamedTensors trained = network.trained();
  if (trained.empty()) refuse(path, "the module has no parameter to train");
  for (const auto& [name, tensor] : trained) {
    if (tensor.scalar_type() != torch::kFloat32 || !tensor.is_contiguous()) {
      refuse(path, fmt::format("parameter {} is {}; valid: contiguous float32", printable(name),
                               c10::toString(tensor.scalar_type())));
    }
  }
  for (const auto& [name, tensor] : network.buffered()) {
    const bool fits =
        tensor.scalar_type() == torch::kFloat32 || tensor.scalar_type() == torch::kInt64;
    if (!fits || !tensor.is_contiguous()) {
      refuse(path, fmt::format("buffer {} is {}; valid: contiguous float32 or int64",
                               printable(name), c10::toString(tensor.scalar_type())));
    }
  }
}

/// Two samples, in training: what fails with a batch norm for one would fail later.
void check_answer(const std::string& path, Network& network, ImageShape shape,
                  std::size_t classes) {
  const auto size = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  const torch::Tensor images =
      torch::zeros({2, size(shape.channels), size(shape.height), size(shape.width)});
  const std::string taken =
      fmt::format("images of {}x{}x{}", shape.channels, shape.height, shape.width);
  torch::Tensor logits;
  try {
    network.eval();
    const torch::NoGradGuard no_grad;
    logits = network.forward(images);
  } catch (const c10::Error& error) {
    refuse(path, fmt::format("the module cannot take {}: {}", taken,
                             printable(first_line_of(error), 200)));
  } catch (const std::exception& error) {
    const std::string text = error.what();
    const std::size_t last = text.find_last_not_of('\n');
    const std::size_t begin = text.rfind('\n', last) + 1;
    refuse(path, fmt::format("the module cannot take {}: {}", taken,
                             printable(text.substr(begin, last + 1 - begin), 200)));
  }
  if (logits.dim() != 2 || logits.size(0) != 2 || logits.size(1) != size(classes) ||
      logits.scalar_type() != torch::kFloat32) {
    refuse(path, fmt::format("for 2 {} the module answers {} of shape [{}]; valid: float32 of "
                             "shape [2, {}], one logit a class",
                             taken, c10::toString(logits.scalar_type()),
                             fmt::join(logits.sizes(), ", "), classes));
  }
}

}  // namespace

bool is_torchscript_path(std::string_view network) {
  return network.find('/') != std::string_view::npos || network.ends_with(".pt");
}

ScriptFile load_torchscript(const std::string& path, ImageShape shape, std::size_t classes) {
  jit::getProfilingMode() = false;
  jit::getExecutorMode() = false;
  std::string bytes = read(path);
  ScriptFile file;
  file.digest = hex(DigestBuilder().add(bytes).finish());
  try {
    file.network = std::make_shared<ScriptNetwork>(std::move(bytes));
  } catch (const std::exception&) {
    refuse(path, "no TorchScript module; make one with torch.jit.script(model).save(path)");
  }
  check_tensors(path, *file.network);
  check_answer(path, *file.network, shape, classes);
  return file;
}

}  // namespace detox
