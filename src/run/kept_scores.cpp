#include "run/kept_scores.hpp"

#include <utility>

#include "base/file.hpp"
#include "base/log.hpp"
#include "detox/errors.hpp"
#include "record/checkpoint_files.hpp"
#include "record/run_files.hpp"
#include "record/safetensors.hpp"
#include "round/healing.hpp"

namespace detox {

/// In which attempt the checkpoint was written, as its state says; the first, where none does.
std::uint64_t KeptScores::attempt_of(std::uint64_t step, const std::string& model_digest) const {
  const std::filesystem::path state = state_path(folder_, step);
  try {
    const std::vector<std::byte> bytes = read_file(state);
    const Safetensors content = parse_safetensors(state.string(), bytes);
    const auto entry = [&](const std::string& name) {
      const auto found = content.metadata.find(name);
      return found == content.metadata.end() ? std::string() : found->second;
    };
    if (entry("model_digest") != model_digest) return 0;
    return Healing(entry(std::string("fact.") + kWentBack)).attempt();
  } catch (const InputError&) {
    return 0;
  }
}

KeptScores::KeptScores(const std::filesystem::path& folder, const Dataset& data,
                       std::string network)
    : folder_(folder),
      data_(data),
      data_digest_(data.digest()),
      network_(std::move(network)),
      file_(folder / kEvaluationsFile) {}

std::optional<Score> KeptScores::find(std::uint64_t step, const std::string& model_digest) {
  const std::uint64_t round = round_number(attempt_of(step, model_digest), step);
  const auto found = file_.find({model_digest, data_digest_, network_}, round);
  if (!found) return std::nullopt;
  const Score score{found->loss, found->prec1, found->prec5};
  if (found->round() != round) keep(step, model_digest, score);
  return score;
}

void KeptScores::keep(std::uint64_t step, const std::string& model_digest, const Score& score) {
  const bool is_kept = file_.append({.step = step,
                                     .attempt = attempt_of(step, model_digest),
                                     .of = {model_digest, data_digest_, network_},
                                     .samples = data_.size(),
                                     .loss = score.loss,
                                     .prec1 = score.prec1,
                                     .prec5 = score.prec5});
  if (!is_kept && !std::exchange(is_told_, true))
    log_warning("{}: scores are not kept there", file_.last_error());
}

}  // namespace detox
