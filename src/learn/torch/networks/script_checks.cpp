#include "learn/torch/networks/script_checks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "base/names.hpp"
#include "detox/errors.hpp"
#include "detox/random.hpp"
#include "learn/torch/cause.hpp"
#include "learn/torch/flat_tensors.hpp"
#include "learn/torch/generator.hpp"
#include "learn/torch/networks/script_graph.hpp"

namespace detox {
namespace {

constexpr std::string_view kCountsBatches = "num_batches_tracked";
constexpr std::int64_t kTrySamples = 2;  // batch norm takes no single one

template <class... Args>
[[noreturn]] void refuse_module(fmt::format_string<Args...> format, Args&&... args) {
  throw InputError(fmt::format(format, std::forward<Args>(args)...));
}

void check_tensors(const ScriptNetwork& network) {
  const Network::NamedTensors trained = network.trained();
  if (trained.empty()) refuse_module("the module has no parameter to train");
  for (const auto& [name, tensor] : trained) {
    if (tensor.scalar_type() != torch::kFloat32) {
      refuse_module("parameter {} is {}; valid: float32", printable(name),
                    c10::toString(tensor.scalar_type()));
    }
  }
  for (const auto& [name, tensor] : network.buffered()) {
    if (tensor.scalar_type() != torch::kFloat32 && tensor.scalar_type() != torch::kInt64) {
      refuse_module("buffer {} is {}; valid: float32, bool and integers", printable(name),
                    c10::toString(tensor.scalar_type()));
    }
  }
}

bool same_bits(const torch::Tensor& a, const torch::Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  const torch::Tensor x = a.contiguous(), y = b.contiguous();
  return x.nbytes() == 0 || std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()) == 0;
}

using Tensors = std::vector<torch::Tensor>;

bool same_bits(const Tensors& a, const Tensors& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return same_bits(x, y); });
}

Tensors copies(const Network::NamedTensors& tensors) {
  Tensors result;
  for (const auto& [name, tensor] : tensors) result.push_back(tensor.detach().clone());
  return result;
}

/// Runs a module on two made-up samples and looks at what it leaves behind.
class Trial {
 public:
  Trial(ScriptNetwork& network, ImageShape shape, std::size_t classes)
      : network_(network),
        shape_(shape),
        classes_(static_cast<std::int64_t>(classes)),
        trained_(network.trained()),
        buffers_(network.buffered()),
        weights_(copies(trained_)),
        start_(copies(buffers_)) {
    const auto size = [](std::size_t value) { return static_cast<std::int64_t>(value); };
    images_ =
        torch::empty({kTrySamples, size(shape.channels), size(shape.height), size(shape.width)});
    std::vector<float> values(static_cast<std::size_t>(images_.numel()));
    RandomStream stream(key_from_seed(0));
    for (float& value : values) value = static_cast<float>(stream.next() >> 40U) * 0x1p-23F - 1.0F;
    copy_into(values.data(), images_);
    labels_ = torch::zeros({kTrySamples}, torch::kInt64);
  }

  void evaluate() {
    const torch::NoGradGuard no_grad;
    network_.eval();
    try {
      check_answer(forward_alone(0, [&] { return network_.forward(images_); }));
      network_.settle();
      check_integers();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      refuse_module("the module cannot take {}: {}", taken(), cause_of(error));
    }
  }

  void train() {
    const auto before = network_.attributes();
    const Tensors first = training_pass();
    check_attributes(before);
    check_weights();
    check_integers();
    if (!same_bits(training_pass(), first)) {
      refuse_module(
          "the same training pass gives other values when it is run again, with the same input, "
          "weights "
          "and random numbers; replicas of a slice have to agree");
    }
    check_counters(first);
    restore();
  }

 private:
  std::string taken() const {
    return fmt::format("images of {}x{}x{}", shape_.channels, shape_.height, shape_.width);
  }

  void restore() {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < start_.size(); ++i) buffers_[i].second.copy_(start_[i]);
  }

  void check_answer(const torch::Tensor& logits) const {
    if (logits.dim() == 2 && logits.size(0) == kTrySamples && logits.size(1) == classes_ &&
        logits.scalar_type() == torch::kFloat32) {
      return;
    }
    refuse_module(
        "for {} {} the module answers {} of shape [{}]; valid: float32 of shape [{}, {}], one "
        "logit a "
        "class",
        kTrySamples, taken(), c10::toString(logits.scalar_type()), fmt::join(logits.sizes(), ", "),
        kTrySamples, classes_);
  }

  /// Logits, gradients and buffers after a pass from the buffers that the file has.
  Tensors training_pass() {
    restore();
    return training_pass_from_here();
  }

  Tensors training_pass_from_here() {
    network_.train();
    Tensors left, parameters;
    for (const auto& [name, tensor] : trained_) parameters.push_back(tensor);
    try {
      const torch::Tensor logits = forward_alone(0, [&] { return network_.forward(images_); });
      check_answer(logits);
      const torch::Tensor loss = torch::nll_loss(torch::log_softmax(logits, 1), labels_);
      left = torch::autograd::grad({loss}, parameters, {}, c10::nullopt, false, true);
      left.push_back(logits.detach());
      network_.settle();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      refuse_module("the module cannot be trained on {}: {}", taken(), cause_of(error));
    }
    for (const auto& [name, tensor] : buffers_) {
      if (!name.ends_with(kCountsBatches)) left.push_back(tensor.detach().clone());
    }
    return left;
  }

  void check_attributes(const std::vector<std::pair<std::string, std::string>>& before) const {
    const auto after = network_.attributes();
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (after[i] != before[i]) refuse_state(before[i].first);
    }
    if (const std::string set = attribute_set_by_forward(network_.module()); !set.empty()) {
      refuse_state(set);
    }
  }

  [[noreturn]] static void refuse_state(const std::string& name) {
    refuse_module(
        "forward changes the attribute {}, which is neither parameter nor buffer, so workers would "
        "not "
        "agree on it; make it a buffer: self.register_buffer(\"{}\", torch.tensor(0.0))",
        printable(name), printable(name.substr(name.rfind('.') + 1)));
  }

  void check_weights() const {
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      if (same_bits(trained_[i].second.detach(), weights_[i])) continue;
      refuse_module("forward changes the parameter {}; only the optimizer may",
                    printable(trained_[i].first));
    }
  }

  /// Integers stay as they are, so what forward does to them would be lost.
  void check_integers() const {
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      const auto& [name, tensor] = buffers_[i];
      if (tensor.scalar_type() == torch::kFloat32 || name.ends_with(kCountsBatches)) continue;
      if (!same_bits(tensor, start_[i])) refuse_integer(name);
    }
    for (const ConstantTensor& constant : network_.constants()) {
      if (network_.is_changed(constant)) refuse_integer(constant.name);
    }
  }

  [[noreturn]] static void refuse_integer(const std::string& name) {
    refuse_module(
        "forward changes the buffer {}, and only float32 buffers go from step to step; make it "
        "float32",
        printable(name));
  }

  /// Workers are not told how many batches there have been.
  void check_counters(const Tensors& expected) {
    restore();
    std::string name;
    {
      const torch::NoGradGuard no_grad;
      for (const auto& [buffer, tensor] : buffers_) {
        if (!buffer.ends_with(kCountsBatches)) continue;
        tensor.add_(1);
        name = buffer;
      }
    }
    if (name.empty() || same_bits(training_pass_from_here(), expected)) return;
    refuse_module(
        "a training pass depends on {}, which workers do not know: give the batch norm a momentum",
        printable(name));
  }

  ScriptNetwork& network_;
  ImageShape shape_;
  std::int64_t classes_;
  Network::NamedTensors trained_, buffers_;
  Tensors weights_, start_;
  torch::Tensor images_, labels_;
};

}  // namespace

void check_script(ScriptNetwork& network, ImageShape shape, std::size_t classes) {
  check_tensors(network);
  Trial trial(network, shape, classes);
  trial.evaluate();
  trial.train();
}

std::vector<std::string> script_notices(const ScriptNetwork& network) {
  std::vector<std::string> notices;
  const FixedModes modes = fixed_modes(network.module());
  if (!modes.evaluating.empty()) {
    notices.push_back(fmt::format(
        "{} in it {} as in evaluation during training, too, as in a module that was traced after "
        "eval(); torch.jit.script keeps both modes",
        fmt::join(modes.evaluating, ", "), modes.evaluating.size() == 1 ? "works" : "work"));
  }
  if (!modes.training.empty()) {
    notices.push_back(fmt::format(
        "{} in it {} as in training during evaluation, too, as in a module that was traced before "
        "eval(); torch.jit.script keeps both modes",
        fmt::join(modes.training, ", "), modes.training.size() == 1 ? "works" : "work"));
  }
  return notices;
}

}  // namespace detox
