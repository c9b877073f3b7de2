// Any bytes as a safetensors file, as a checkpoint's model and as its state. What is accepted must
// cover the file without holes, and be the same after writing and reading it again.
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "detox/errors.hpp"
#include "record/model_file.hpp"
#include "record/safetensors.hpp"
#include "record/state_file.hpp"

namespace {

using namespace detox;

void require(bool condition) {
  if (!condition) std::abort();
}

ModelLayout layout() {
  ModelLayout small;
  small.parameters = {{"fc.weight", {2, 3}, 0, 6}, {"fc.bias", {2}, 6, 2}};
  small.statistics = {{"bn.running_mean", {2}, 0, 2}};
  small.counters = {{"bn.num_batches_tracked", {}, 0, 1}};
  return small;
}

/// An error that users can read: one line, not too long.
template <class Action>
void accept_or_refuse(const Action& action) {
  try {
    action();
  } catch (const InputError& error) {
    const std::string text = error.what();
    require(text.starts_with("fuzz: ") && text.size() < 1000);
    require(text.find('\n') == std::string::npos);
  }
}

void round_trip(std::span<const std::byte> bytes) {
  const Safetensors content = parse_safetensors("fuzz", bytes);
  std::size_t covered = 0;
  for (const auto& [name, tensor] : content.tensors) covered += tensor.bytes.size();
  require(covered <= bytes.size());

  std::string written;
  const SafetensorsImage image(content);
  for (const auto piece : image.pieces) written += text_of(piece);
  require(written.size() == image.header.size() + covered);
  const Safetensors again = parse_safetensors("fuzz", bytes_of(written));
  require(again.metadata == content.metadata && again.tensors.size() == content.tensors.size());
  for (const auto& [name, tensor] : content.tensors) {
    const TensorView& other = again.tensors.at(name);
    require(other.dtype == tensor.dtype && other.shape == tensor.shape);
    require(text_of(other.bytes) == text_of(tensor.bytes));
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  accept_or_refuse([&] { round_trip(bytes); });
  accept_or_refuse([&] { parse_model("fuzz", bytes, layout()); });
  accept_or_refuse([&] { parse_state("fuzz", bytes, layout()); });
  return 0;
}
