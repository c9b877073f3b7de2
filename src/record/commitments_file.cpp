#include "record/commitments_file.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <system_error>

#include "base/file.hpp"

namespace detox {
namespace {

nlohmann::json commitment_json(const Commitment& commitment, const Digest& before) {
  nlohmann::json line = {
      {"step", commitment.step}, {"state", base64(commitment.state)}, {"before", base64(before)}};
  if (commitment.answers) line["answers"] = base64(*commitment.answers);
  return line;
}

/// Without its newline; empty where there is none.
std::string last_line(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  const std::vector<std::byte> bytes = read_file(file);
  std::string_view text = text_of(bytes);
  if (text.empty()) return {};
  text.remove_suffix(1);
  return std::string(text.substr(text.rfind('\n') + 1));
}

}  // namespace

std::string commitment_line(const Commitment& commitment, const Digest& before) {
  return commitment_json(commitment, before).dump();
}

Digest first_before(const std::string& config_digest, const Commitment& start) {
  return DigestBuilder()
      .add(fmt::format("detox commitments 1\n{}\n", config_digest))
      .add(start.state)
      .finish();
}

CommitmentJournal::CommitmentJournal(const std::filesystem::path& file,
                                     const std::string& config_digest, const Commitment& start)
    : journal_(file, start.step) {
  const std::string line = last_line(file);
  before_ = line.empty() ? first_before(config_digest, start) : digest_of(bytes_of(line));
}

bool CommitmentJournal::append(const Commitment& commitment) {
  if (!journal_.append(commitment_json(commitment, before_))) return false;
  before_ = digest_of(bytes_of(commitment_line(commitment, before_)));
  return true;
}

}  // namespace detox
