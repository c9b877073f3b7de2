// A network, seen from outside: weights and a batch in, a gradient out. What computes is a module
// that is opened when a network is needed (src/learn/learner_module.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dataset.hpp"
#include "detox/random.hpp"

namespace detox {

/// A named tensor and where it starts in its flat vector.
struct TensorInfo {
  std::string name;  ///< PyTorch's usual name: "conv1.weight"
  std::vector<std::int64_t> shape;
  std::size_t offset = 0;
  std::size_t size = 0;
};

/// Another name of a tensor: tied weights, or a part of a network that is used twice.
struct TiedTensor {
  std::string name;
  std::string of;  ///< the name under which it is in a flat vector
};

/// A buffer of a type that is never computed with here, or what is not trained: it stays as the
/// network has it.
struct ConstantTensor {
  std::string name;
  std::string dtype;  ///< as safetensors has it: "BOOL", "U8", "I8", "I16", "I32"
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
};

/// Of an integer tensor: whether it counts steps.
inline bool counts_batches(std::string_view name) { return name.ends_with("num_batches_tracked"); }

/// The state_dict of a network as three flat vectors: parameters (float32, trained), statistics
/// (float32 buffers such as running means) and counters (int64 buffers; those named
/// num_batches_tracked are counted by the server, others stay as they are, none is reduced). A
/// tensor with several names is in a vector once; state_dict and files have it under each.
struct ModelLayout {
  std::vector<TensorInfo> parameters, statistics, counters;
  std::vector<TiedTensor> tied;
  std::vector<ConstantTensor> constants;
  std::string source;  ///< SHA-256, hex, of the file that a user's network came from; else empty
  std::vector<std::string> notices;  ///< what whoever trains it is to be told, a line each
  std::size_t parameter_count() const;
  std::size_t statistic_count() const;
  std::size_t counter_count() const;
  /// Counts one step in the counters that count steps.
  void count_step(std::span<std::int64_t> counters) const;
};

struct ModelState {
  std::vector<float> parameters;
  std::vector<float> statistics;
  std::vector<std::int64_t> counters;
};

/// A model's values where they lie.
struct ModelView {
  std::span<const float> parameters, statistics;
  std::span<const std::int64_t> counters;
  ModelView(std::span<const float> p, std::span<const float> s, std::span<const std::int64_t> c)
      : parameters(p), statistics(s), counters(c) {}
  ModelView(const ModelState& state)  // NOLINT(google-explicit-constructor): a state is one
      : parameters(state.parameters), statistics(state.statistics), counters(state.counters) {}
};

/// count samples; images is (count, channels, height, width).
struct Batch {
  std::span<const float> images;
  std::span<const std::int64_t> labels;
  /// What a network that draws random numbers in training (dropout) is seeded with.
  std::uint64_t draws = 0;
  std::size_t count() const { return labels.size(); }
};

struct BatchResult {
  double loss_sum = 0;       ///< sum over samples of the cross entropy
  std::int64_t correct = 0;  ///< samples whose largest logit is the label; below 0: labels are none
  std::int64_t correct_top5 = 0;
};

/// One network on one intra-op thread. Not thread-safe; make one for every thread. Gradients are
/// bit-identical for identical inputs, whichever instance or process computes them.
class Learner {
 public:
  virtual ~Learner() = default;
  virtual const ModelLayout& layout() const = 0;
  /// What the bits of a gradient depend on besides its inputs: instruction sets, BLAS kernels,
  /// library versions, memory layout. Recorded in the configuration and in state files; runs under
  /// different profiles cannot be mixed.
  virtual std::string numerical_profile() const = 0;
  /// PyTorch's default initialisation, drawn from the key; a user's network begins with the weights
  /// in its file.
  virtual ModelState initial_state(const Key& key) = 0;
  /// Gradient of the mean cross entropy over the batch, and the statistics after the pass (training
  /// mode).
  virtual BatchResult gradient(std::span<const float> parameters, std::span<const float> statistics,
                               const Batch& batch, std::span<float> gradient_out,
                               std::span<float> statistics_out) = 0;
  /// Forward only (evaluation mode).
  virtual BatchResult evaluate(const ModelView& model, const Batch& batch) = 0;
};

struct NetworkInfo {
  std::string_view name;
  std::string_view summary;
  std::string_view paper;
};

/// "LeNet" for "le-net"; a path to a TorchScript module (what holds a slash or ends with .pt) stays
/// as it is, and another file of the current folder gets "./". UsageError for a name that is none.
std::string resolve_network(std::string_view network);

/// All networks, sorted by name; case and dashes do not matter in find_network.
std::span<const NetworkInfo> networks();
const NetworkInfo& find_network(std::string_view name);

/// A name of networks(), or a path to a TorchScript module. UsageError where the network cannot
/// take images of this shape, InputError where the file cannot be read or used.
std::unique_ptr<Learner> make_learner(std::string_view network, ImageShape shape,
                                      std::size_t classes);

using LearnerFactory = std::function<std::unique_ptr<Learner>()>;

}  // namespace detox
