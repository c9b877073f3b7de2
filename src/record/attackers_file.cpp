#include "record/attackers_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "base/round_number.hpp"
#include "detox/errors.hpp"
#include "record/journal_reader.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;

/// Numbers of a list from `first` on, ascending, each once; false where it holds anything else.
bool read_numbers(const Json& line, const char* name, std::uint64_t first, std::uint64_t end,
                  std::vector<std::uint32_t>& numbers) {
  const auto list = line.find(name);
  if (list == line.end()) return true;
  if (!list->is_array()) return false;
  for (const Json& entry : *list) {
    const std::uint64_t number = entry.is_number_unsigned() ? entry.get<std::uint64_t>() : end;
    if (number < first || number >= end) return false;
    numbers.push_back(static_cast<std::uint32_t>(number - first));
  }
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return true;
}

Json parsed(std::string_view line) {
  return Json::parse(line, nullptr, /*allow_exceptions=*/false);
}

/// Of a line as runs write most of them, in a tenth of the time that any JSON takes: a ledger may
/// have millions. Empty of whatever else, which may be right as well.
std::optional<Observation> usual_observation(std::string_view text, std::size_t workers) {
  const auto word = [&text](std::string_view expected) {
    const bool is_there = text.starts_with(expected);
    if (is_there) text.remove_prefix(expected.size());
    return is_there;
  };
  const auto number = [&text](std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || (digits > 1 && text.front() == '0')) return false;
    text.remove_prefix(digits);
    return true;
  };
  std::uint64_t attempt = 0, slice = 0, step = 0, worker = 0;
  if (!word(R"({"accusation":)") || (!word("true,") && !word("false,"))) return std::nullopt;
  if (word(R"("attempt":)") && (!number(attempt) || !word(","))) return std::nullopt;
  if (!word(R"("kind":")")) return std::nullopt;
  const std::string_view name = text.substr(0, text.find('"'));
  text.remove_prefix(name.size());
  const std::optional<Suspicion> kind = suspicion_named(name);
  if (!kind || !word(R"(","slice":)") || !number(slice) || !word(R"(,"step":)") || !number(step) ||
      !word(R"(,"worker":)") || !number(worker) || text != "}")
    return std::nullopt;
  if (step != step_of_round(step) || attempt > kMostAttempts || worker < 1 || worker > workers ||
      slice >= std::numeric_limits<std::uint32_t>::max())
    return std::nullopt;
  return Observation{round_number(attempt, step), static_cast<std::uint32_t>(slice),
                     static_cast<std::uint32_t>(worker - 1), *kind};
}

void insert_once(std::vector<std::uint32_t>& ascending, std::uint32_t number) {
  const auto place = std::ranges::lower_bound(ascending, number);
  if (place == ascending.end() || *place != number) ascending.insert(place, number);
}

}  // namespace

nlohmann::json attackers_line(std::uint64_t step, const SimulatedLies& lies) {
  const auto numbers = [](const std::vector<std::uint32_t>& workers) {
    Json array = Json::array();
    for (const std::uint32_t worker : workers) array.push_back(worker + 1);
    return array;
  };
  Json line = {{"step", step}, {"attackers", numbers(lies.attackers)}, {"owned", lies.owned}};
  if (!lies.silent.empty()) line["silent"] = numbers(lies.silent);
  return line;
}

std::optional<RecordedLies> recorded_lies(std::string_view text, std::size_t workers) {
  const Json line = parsed(text);
  const std::optional<std::uint64_t> round = round_of_line(line);
  constexpr std::uint64_t kAnySlice = std::numeric_limits<std::uint32_t>::max();
  RecordedLies recorded{round.value_or(0), {}};
  if (!round || !line.contains("attackers") ||
      !read_numbers(line, "attackers", 1, workers + 1, recorded.lies.attackers) ||
      !read_numbers(line, "silent", 1, workers + 1, recorded.lies.silent) ||
      !read_numbers(line, "owned", 0, kAnySlice, recorded.lies.owned)) {
    return std::nullopt;
  }
  return recorded;
}

std::optional<Observation> observation(std::string_view text, std::size_t workers) {
  if (const auto usual = usual_observation(text, workers)) return usual;
  const Json line = parsed(text);
  const std::optional<std::uint64_t> round = round_of_line(line);
  if (!round) return std::nullopt;
  const auto number = [&](const char* name, std::uint64_t first, std::uint64_t end) {
    const auto found = line.find(name);
    const bool fits = found != line.end() && found->is_number_unsigned() &&
                      found->get<std::uint64_t>() >= first && found->get<std::uint64_t>() < end;
    return fits ? std::optional(static_cast<std::uint32_t>(found->get<std::uint64_t>() - first))
                : std::nullopt;
  };
  const auto worker = number("worker", 1, workers + 1);
  const auto slice = number("slice", 0, std::numeric_limits<std::uint32_t>::max());
  const auto kind = line.find("kind");
  if (!worker || !slice || kind == line.end() || !kind->is_string()) return std::nullopt;
  const std::optional<Suspicion> known = suspicion_named(kind->get_ref<const std::string&>());
  if (!known) return std::nullopt;
  return Observation{*round, *slice, *worker, *known};
}

bool is_held_against(Suspicion kind) {
  return is_accusation(kind) || kind == Suspicion::kLateOutvoted;
}

void AttackersTally::add(const RecordedLies& lies) {
  Round& round = rounds_[lies.round];
  round.is_known = true;
  round.liars = lies.lies.attackers;
}

void AttackersTally::add(const Observation& observation) {
  if (is_held_against(observation.kind))
    insert_once(rounds_[observation.round].accused, observation.worker);
}

AttackersFound AttackersTally::found() const {
  AttackersFound found;
  std::set<std::uint32_t> liars;
  for (const auto& [number, round] : rounds_) {
    if (!round.is_known) continue;
    found.lies += round.liars.size();
    liars.insert(round.liars.begin(), round.liars.end());
    for (const std::uint32_t worker : round.accused)
      ++(std::ranges::binary_search(round.liars, worker) ? found.rightly : found.wrongly);
  }
  found.liars.assign(liars.begin(), liars.end());
  return found;
}

AttackersFound find_attackers(const std::filesystem::path& directory) {
  constexpr std::size_t kAnyWorkers = std::numeric_limits<std::uint32_t>::max() - 1;
  AttackersTally tally;
  const auto read = [&](std::string_view name, const JournalReader::Take& take) {
    const std::filesystem::path file = directory / name;
    if (!std::filesystem::exists(file))
      throw InputError(fmt::format("cannot read {}: it is not there", file.string()));
    JournalReader(file).read_on(take);
  };
  read(kAttackersFile, [&](std::string_view line) {
    if (const auto lies = recorded_lies(line, kAnyWorkers)) tally.add(*lies);
  });
  read(kLedgerFile, [&](std::string_view line) {
    if (const auto seen = observation(line, kAnyWorkers)) tally.add(*seen);
  });
  return tally.found();
}

}  // namespace detox
