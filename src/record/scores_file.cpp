#include "record/scores_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/json_field.hpp"
#include "base/json_number.hpp"
#include "base/round_number.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::uintmax_t kMostScoreBytes = std::uintmax_t{1} << 28U;

std::string score_line(const RecordedScore& score) {
  nlohmann::json line = {{"step", score.step},       {"model", score.of.model},
                         {"data", score.of.data},    {"network", score.of.network},
                         {"samples", score.samples}, {"loss", json_number(score.loss)},
                         {"prec1", score.prec1},     {"prec5", score.prec5}};
  if (score.attempt > 0) line["attempt"] = score.attempt;
  constexpr int kCompact = -1;
  return line.dump(kCompact, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

double percentage(const nlohmann::json& line, const char* name) {
  double value = 0;
  read_field(line, name, value);
  if (!(value >= 0 && value <= 100)) throw std::invalid_argument("no percentage");
  return value;
}

std::optional<RecordedScore> parse_score(std::string_view text) {
  const auto line = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  RecordedScore score;
  try {
    read_field(line, "step", score.step);
    if (line.contains("attempt")) read_field(line, "attempt", score.attempt);
    read_field(line, "model", score.of.model);
    read_field(line, "data", score.of.data);
    read_field(line, "network", score.of.network);
    read_field(line, "samples", score.samples);
    const nlohmann::json& loss = line.at("loss");
    for (const double word : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
      if (loss == json_number(word)) score.loss = word;
    }
    if (loss.is_number()) read_json(loss, score.loss);
    if (!loss.is_number() && std::isfinite(score.loss)) return std::nullopt;
    score.prec1 = percentage(line, "prec1");
    score.prec5 = percentage(line, "prec5");
  } catch (const std::exception&) {
    return std::nullopt;
  }
  if (score.step != step_of_round(score.step) || score.attempt > kMostAttempts) return std::nullopt;
  return score;
}

/// Bytes of whole lines.
std::uint64_t whole_lines(const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = read_file(file);
  return text_of(bytes).rfind('\n') + 1;  // nothing, where there is none
}

}  // namespace

std::optional<RecordedScore> ScoresFile::find(const ScoredModel& of, std::uint64_t round) const {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file_, error);
  if (error || size > kMostScoreBytes) return std::nullopt;
  std::vector<std::byte> bytes;
  try {
    bytes = read_file(file_);
  } catch (const InputError&) {
    return std::nullopt;
  }
  std::optional<RecordedScore> found;
  std::string_view text = text_of(bytes);
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.find(of.model) == std::string_view::npos) continue;
    auto score = parse_score(line);
    if (!score || score->of != of) continue;
    if (score->round() == round || !found || found->round() != round) found = std::move(score);
  }
  return found;
}

bool ScoresFile::refuse() {
  last_error_ = fmt::format("cannot write {}: {}", file_.string(), system_error_text());
  return false;
}

bool ScoresFile::append(const RecordedScore& score) {
  constexpr mode_t kMode = 0666;
  const FileDescriptor fd(
      ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, kMode));
  struct stat status {};
  if (!fd.is_open() || ::fstat(fd.get(), &status) != 0) return refuse();
  if (!S_ISREG(status.st_mode)) {
    last_error_ = file_.string() + " is not a regular file";
    return false;
  }
  // Until it is closed, where the file system can: no line is then cut off that another one writes.
  while (::flock(fd.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  try {
    const std::uint64_t size = whole_lines(file_);
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return refuse();
    if (write_all(fd.get(), bytes_of(score_line(score)))) return true;
    refuse();
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return false;  // the next one does it
  } catch (const InputError& error) {
    last_error_ = error.what();
  }
  return false;
}

}  // namespace detox
