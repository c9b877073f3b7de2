#include "record/checkpoint.hpp"

#include <fmt/format.h>

#include <system_error>

#include "base/assert.hpp"
#include "base/atomic_file.hpp"
#include "base/digest.hpp"
#include "base/file.hpp"
#include "detox/errors.hpp"
#include "record/checkpoint_files.hpp"
#include "record/damaged_file.hpp"
#include "record/model_file.hpp"
#include "record/run_files.hpp"
#include "record/state_file.hpp"

namespace detox {

namespace fs = std::filesystem;

void save_checkpoint(const fs::path& dir, const ModelLayout& layout, const ModelState& model,
                     const TrainingState& state) {
  DETOX_ASSERT(state.momentum.empty() || state.momentum.size() == layout.parameter_count());
  DETOX_ASSERT(state.last_aggregate.empty() ||
               state.last_aggregate.size() == layout.parameter_count());
  const Safetensors content = model_content(layout, model);
  const SafetensorsImage model_image(content);
  const Safetensors state_tensors =
      state_content(layout, state, digest_of_pieces(model_image.pieces));
  const SafetensorsImage state_image(state_tensors);

  const fs::path model_file = model_path(dir, state.step);
  const fs::path state_file = state_path(dir, state.step);
  write_atomically(state_file, state_image.pieces);
  try {
    write_atomically(model_file, model_image.pieces);
  } catch (const InputError&) {
    // A state alone is no checkpoint, and on a full disk its space is needed.
    std::error_code ignored;
    if (!fs::exists(model_file, ignored)) fs::remove(state_file, ignored);
    throw;
  }
}

ModelState load_model(const fs::path& file, const ModelLayout& layout, std::string* digest) {
  const std::vector<std::byte> bytes = read_file(file);
  if (digest != nullptr) *digest = hex(digest_of(bytes));
  return parse_model(file.string(), bytes, layout);
}

Checkpoint load_checkpoint(const fs::path& model_file, const ModelLayout& layout) {
  const auto step = step_of_model(model_file);
  if (!step) {
    throw InputError(fmt::format("{} is no checkpoint to resume from: its name must be {}",
                                 model_file.string(), kAnyModelFile));
  }
  const std::vector<std::byte> model_bytes = read_file(model_file);
  const fs::path state_file = state_path(model_file.parent_path(), *step);
  ParsedState parsed = parse_state(state_file.string(), read_file(state_file), layout);
  if (parsed.state.step != *step) {
    throw InputError(fmt::format("{} is the state of step {}, not of step {}", state_file.string(),
                                 parsed.state.step, *step));
  }
  if (hex(digest_of(model_bytes)) != parsed.model_digest) {
    throw DamagedFile(fmt::format("{} is damaged: its digest is not the one in {}",
                                  model_file.string(), state_file.string()));
  }
  Checkpoint checkpoint;
  checkpoint.model = parse_model(model_file.string(), model_bytes, layout);
  checkpoint.state = std::move(parsed.state);
  return checkpoint;
}

}  // namespace detox
