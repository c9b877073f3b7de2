#include "record/commitments_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>
#include <variant>

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

std::uint64_t number_field(const nlohmann::json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

/// What a line says, and behind which one it was written.
struct ParsedLine {
  std::variant<Commitment, BackCommitment> what;
  Digest before;
  std::uint64_t step() const {
    const auto* back = std::get_if<BackCommitment>(&what);
    return back != nullptr ? back->to : std::get<Commitment>(what).step;
  }
  /// That a file begins with where this is its first line: a replay takes no step that does not
  /// stand.
  std::uint64_t first_step() const {
    return std::holds_alternative<BackCommitment>(what) ? step() + 1 : step();
  }
  std::uint64_t attempt() const {
    return std::visit([](const auto& one) { return one.attempt; }, what);
  }
  std::uint64_t round() const { return round_number(attempt(), step()); }
};

/// Of a line as commitment_line() or back_line() makes it, byte for byte.
std::optional<ParsedLine> parse_commitment(std::string_view line) {
  if (line.size() > kLongestLine) return std::nullopt;
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto state = digest_field(json, "state"), before = digest_field(json, "before");
  const std::uint64_t step = number_field(json, "step"), attempt = number_field(json, "attempt");
  if (!before || attempt > kMostAttempts || step != step_of_round(step)) return std::nullopt;
  if (json.contains("back_from")) {
    const BackCommitment back{attempt, number_field(json, "back_from"), step};
    const bool is_right = attempt > 0 && back_line(back, *before) == line;
    return is_right ? std::optional(ParsedLine{back, *before}) : std::nullopt;
  }
  if (!state || step == 0) return std::nullopt;
  const Commitment commitment{step, *state, digest_field(json, "answers"), attempt};
  if (commitment_line(commitment, *before) != line) return std::nullopt;
  return ParsedLine{commitment, *before};
}

/// Of a file of whole lines.
std::optional<CommitmentChain> chain_of(const std::filesystem::path& file,
                                        const std::string& configuration) {
  const std::vector<std::byte> bytes = read_file(file);
  std::string_view text = text_of(bytes);
  if (text.empty()) return std::nullopt;
  text.remove_suffix(1);
  const std::string_view last = text.substr(text.rfind('\n') + 1);
  const auto begins = parse_commitment(text.substr(0, text.find('\n'))),
             ends = parse_commitment(last);
  return CommitmentChain{.configuration = configuration,
                         .first = begins ? begins->first_step() : 0,
                         .last = ends ? ends->step() : 0,
                         .line = digest_of(bytes_of(last)),
                         .attempt = ends ? ends->attempt() : 0};
}

}  // namespace

std::string commitment_line(const Commitment& commitment, const Digest& before) {
  nlohmann::json line = {
      {"step", commitment.step}, {"state", base64(commitment.state)}, {"before", base64(before)}};
  if (commitment.answers) line["answers"] = base64(*commitment.answers);
  if (commitment.attempt > 0) line["attempt"] = commitment.attempt;
  return line.dump();
}

std::string back_line(const BackCommitment& back, const Digest& before) {
  return nlohmann::json{{"step", back.to},
                        {"attempt", back.attempt},
                        {"back_from", back.from},
                        {"before", base64(before)}}
      .dump();
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
      journal_(file, round_number(start.attempt, start.step)),
      configuration_(config_digest),
      chain_(chain_of(file, config_digest)),
      before_(chain_ ? chain_->line : first_before(config_digest, start)) {}

bool CommitmentJournal::append(const Commitment& commitment) {
  return append(commitment_line(commitment, before_),
                {.first = commitment.step, .last = commitment.step, .attempt = commitment.attempt});
}

bool CommitmentJournal::append(const BackCommitment& back) {
  return append(back_line(back, before_),
                {.first = back.to + 1, .last = back.to, .attempt = back.attempt});
}

/// `up_to_here` is what the line says of itself.
bool CommitmentJournal::append(const std::string& line, CommitmentChain up_to_here) {
  if (!journal_.append_text(line)) return false;
  before_ = digest_of(bytes_of(line));
  if (chain_) up_to_here.first = chain_->first;
  up_to_here.configuration = configuration_;
  up_to_here.line = before_;
  chain_ = up_to_here;
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

CommitmentChain RecordedCommitments::chain(const std::string& configuration) const {
  return {configuration, first_, last_step(), all_.back().digest, attempt_};
}

std::optional<std::uint64_t> RecordedCommitments::last_step_of(const CommitmentChain& chain) const {
  if (chain.first != first_) return std::nullopt;
  for (std::size_t number = 0; number < all_.size(); ++number) {
    if (all_[number].round != chain.round() || all_[number].digest != chain.line) continue;
    const auto later = std::ranges::upper_bound(lines_, number, {}, &Line::number);
    return first_ + static_cast<std::uint64_t>(later - lines_.begin()) - 1;
  }
  return std::nullopt;
}

void RecordedCommitments::read(std::string_view text) {
  if (text.empty()) throw InputError(name_ + ": no step is recorded there");
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      throw InputError(fmt::format(
          "{}: line {} is broken off: the run is being written or was killed (--resume auto mends "
          "that), or the file was cut",
          name_, all_.size() + 1));
    }
    add(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  std::uint64_t next = first_;
  for (const Line& line : lines_) {
    if (line.commitment.step != next)
      refuse_order(line.number + 1, line.commitment.step, next, false);
    ++next;
  }
  const std::uint64_t ends = step_of_round(all_.back().round);
  if (ends + 1 != next) refuse_order(all_.size(), ends, next, true);
}

void RecordedCommitments::refuse_order(std::size_t number, std::uint64_t step,
                                       std::uint64_t expected, bool is_back) const {
  throw InputError(fmt::format(
      "{}: line {} is of step {}{}, not of step {}: lines are missing or in another order", name_,
      number, step, is_back ? ", gone back to" : "", expected));
}

void RecordedCommitments::add(std::string_view line) {
  const std::size_t number = all_.size() + 1;
  const auto found = parse_commitment(line);
  if (!found) {
    throw InputError(
        fmt::format("{} is damaged: line {} is not as a run writes it", name_, number));
  }
  const auto* back = std::get_if<BackCommitment>(&found->what);
  if (number == 1) {
    first_ = found->first_step();
    attempt_ = found->attempt() - (back != nullptr ? 1 : 0);
    first_before_ = found->before;
  }
  const std::uint64_t next = lines_.empty() ? first_ : lines_.back().commitment.step + 1;
  const bool follows = back == nullptr ? found->step() >= next && found->attempt() == attempt_
                                       : found->attempt() == attempt_ + 1 &&
                                             back->to + 1 >= first_ && back->to < back->from;
  const bool is_behind = number == 1 || found->before == all_.back().digest;
  // A line that was lost was none that another one was written behind.
  if (!follows || (!is_behind && back == nullptr && found->step() != next))
    refuse_order(number, found->step(), next, back != nullptr);
  if (!is_behind) {
    throw InputError(
        fmt::format("{}: line {} (step {}) was altered: line {} was written behind another one",
                    name_, number - 1, step_of_round(all_.back().round), number));
  }
  attempt_ = found->attempt();
  if (back != nullptr) {
    ++backs_;
    while (!lines_.empty() && lines_.back().commitment.step > back->to) lines_.pop_back();
  } else {
    lines_.push_back({std::get<Commitment>(found->what), found->before, number - 1});
  }
  all_.push_back({digest_of(bytes_of(line)), found->round()});
}

}  // namespace detox
