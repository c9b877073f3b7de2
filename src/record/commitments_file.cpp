#include "record/commitments_file.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/file.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30, kLongestLine = 256;

std::optional<Digest> digest_field(const nlohmann::json& line, const char* name) {
  const auto found = line.find(name);
  if (found == line.end() || !found->is_string()) return std::nullopt;
  return digest_from_base64(found->get_ref<const std::string&>());
}

/// Of a line as commitment_line() makes it, byte for byte.
std::optional<std::pair<Commitment, Digest>> parse_commitment(std::string_view line) {
  if (line.size() > kLongestLine) return std::nullopt;
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_unsigned())
    return std::nullopt;
  const auto state = digest_field(json, "state"), before = digest_field(json, "before");
  if (!state || !before) return std::nullopt;
  const Commitment commitment{json["step"].get<std::uint64_t>(), *state,
                              digest_field(json, "answers")};
  if (commitment.step == 0 || commitment_line(commitment, *before) != line) return std::nullopt;
  return std::pair{commitment, *before};
}

/// 0 where it is none of a run's.
std::uint64_t step_of(std::string_view line) {
  const auto found = parse_commitment(line);
  return found ? found->first.step : 0;
}

/// Of a file of whole lines.
std::optional<CommitmentChain> chain_of(const std::filesystem::path& file,
                                        const std::string& configuration) {
  const std::vector<std::byte> bytes = read_file(file);
  std::string_view text = text_of(bytes);
  if (text.empty()) return std::nullopt;
  text.remove_suffix(1);
  const std::string_view first = text.substr(0, text.find('\n')),
                         last = text.substr(text.rfind('\n') + 1);
  return CommitmentChain{configuration, step_of(first), step_of(last), digest_of(bytes_of(last))};
}

}  // namespace

std::string commitment_line(const Commitment& commitment, const Digest& before) {
  nlohmann::json line = {
      {"step", commitment.step}, {"state", base64(commitment.state)}, {"before", base64(before)}};
  if (commitment.answers) line["answers"] = base64(*commitment.answers);
  return line.dump();
}

Digest first_before(const std::string& config_digest, const Commitment& start) {
  return DigestBuilder()
      .add(fmt::format("detox commitments 1\n{}\n", config_digest))
      .add(start.state)
      .finish();
}

CommitmentJournal::CommitmentJournal(const std::filesystem::path& file,
                                     const std::string& config_digest, const Commitment& start)
    : file_(file),
      journal_(file, start.step),
      configuration_(config_digest),
      chain_(chain_of(file, config_digest)),
      before_(chain_ ? chain_->line : first_before(config_digest, start)) {}

bool CommitmentJournal::append(const Commitment& commitment) {
  const std::string line = commitment_line(commitment, before_);
  if (!journal_.append_text(line)) return false;
  before_ = digest_of(bytes_of(line));
  if (!chain_) chain_ = {configuration_, commitment.step, commitment.step, before_};
  chain_->last = commitment.step;
  chain_->line = before_;
  return true;
}

RecordedCommitments::RecordedCommitments(const std::filesystem::path& file) : name_(file.string()) {
  std::error_code ignored;
  if (std::filesystem::file_size(file, ignored) > kMostBytes && !ignored) {
    throw InputError(
        fmt::format("{}: it is longer than {} bytes, more than a run writes", name_, kMostBytes));
  }
  const std::vector<std::byte> bytes = read_file(file);
  read(text_of(bytes));
}

RecordedCommitments::RecordedCommitments(std::string name, std::string_view text)
    : name_(std::move(name)) {
  read(text);
}

CommitmentChain RecordedCommitments::chain(const std::string& configuration,
                                           std::uint64_t last) const {
  return {configuration, first_step(), last,
          digest_of(bytes_of(commitment_line(at(last), before(last))))};
}

void RecordedCommitments::read(std::string_view text) {
  if (text.empty()) throw InputError(name_ + ": no step is recorded there");
  std::string_view before;
  while (!text.empty()) {
    const std::size_t number = lines_.size() + 1, end = text.find('\n');
    if (end == std::string_view::npos) {
      throw InputError(fmt::format(
          "{}: line {} is broken off: the run is being written or was killed (--resume auto mends "
          "that), or the file was cut",
          name_, number));
    }
    const std::string_view line = text.substr(0, end);
    const auto found = parse_commitment(line);
    if (!found) {
      throw InputError(
          fmt::format("{} is damaged: line {} is not as a run writes it", name_, number));
    }
    const auto& [commitment, follows] = *found;
    if (number > 1 && commitment.step != last_step() + 1) {
      throw InputError(
          fmt::format("{}: line {} is of step {}, not of step {}: lines are missing or "
                      "in another order",
                      name_, number, commitment.step, last_step() + 1));
    }
    if (number > 1 && follows != digest_of(bytes_of(before))) {
      throw InputError(
          fmt::format("{}: line {} (step {}) was altered: line {} was written behind "
                      "another one",
                      name_, number - 1, last_step(), number));
    }
    lines_.push_back({commitment, follows});
    before = line;
    text.remove_prefix(end + 1);
  }
}

}  // namespace detox
