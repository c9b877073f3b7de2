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

  /// Whether it drew.
  bool evaluate() {
    const torch::NoGradGuard no_grad;
    network_.eval();
    bool draws = false;
    try {
      check_answer(forward_alone(0, [&] {
        const torch::Tensor before = generator_state();
        torch::Tensor answer = network_.forward(images_);
        draws = !at::equal(before, generator_state());
        return answer;
      }));
      network_.settle();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      refuse_module("the module cannot take {}: {}", taken(), cause_of(error));
    }
    return draws;
  }

  void train() {
    const Tensors first = training_pass();
    const std::string set = attribute_set_by_forward(network_.module());
    if (!set.empty()) ScriptNetwork::refuse_state(set);
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
      if (!counts_batches(name)) left.push_back(tensor.detach().clone());
    }
    return left;
  }

  /// Workers are not told how many batches there have been.
  void check_counters(const Tensors& expected) {
    restore();
    std::string name;
    {
      const torch::NoGradGuard no_grad;
      for (const auto& [buffer, tensor] : buffers_) {
        if (!counts_batches(buffer)) continue;
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
  Tensors start_;
  torch::Tensor images_, labels_;
};

/// What does not hinder training, and is seldom meant. Of what is set to training, only norms do
/// anything in an evaluation that does not draw: a dropout is then behind a condition.
std::vector<std::string> notices_of(const ScriptNetwork& network, bool evaluation_draws) {
  std::vector<std::string> notices;
  FixedModes modes = fixed_modes(network.module());
  if (!evaluation_draws) {
    std::erase_if(modes.training,
                  [](const std::string& name) { return name.find("norm") == std::string::npos; });
  }
  const auto tell = [&notices](const std::vector<std::string>& names, const char* mode,
                               const char* other, const char* when) {
    if (names.empty()) return;
    notices.push_back(fmt::format(
        "{} in it {} as in {} during {}, too, as in a module that was traced {} eval(); "
        "torch.jit.script keeps both modes",
        fmt::join(names, ", "), names.size() == 1 ? "works" : "work", mode, other, when));
  };
  tell(modes.evaluating, "evaluation", "training", "after");
  tell(modes.training, "training", "evaluation", "before");
  return notices;
}

}  // namespace

std::vector<std::string> check_script(ScriptNetwork& network, ImageShape shape,
                                      std::size_t classes) {
  check_tensors(network);
  Trial trial(network, shape, classes);
  const bool evaluation_draws = trial.evaluate();
  trial.train();
  return notices_of(network, evaluation_draws);
}

}  // namespace detox
