#include "engine/attackers_file.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/file.hpp"
#include "base/log.hpp"
#include "record/ledger.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;
using StepAndWorker = std::pair<std::uint64_t, std::uint64_t>;  ///< both from 1

constexpr const char* kFileName = "attackers.jsonl";

template <class Take>
void for_each_line(const std::filesystem::path& file, const Take& take) {
  const std::vector<std::byte> bytes = read_file(file);
  std::string_view text = text_of(bytes);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const Json line = Json::parse(text.substr(0, end), nullptr, /*allow_exceptions=*/false);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.is_object() && line.contains("step") && line["step"].is_number_unsigned())
      take(line, line["step"].get<std::uint64_t>());
  }
}

bool accuses(const Json& entry) {
  return entry.value("accusation", Json()) == true ||
         entry.value("kind", Json()) == suspicion_name(Suspicion::kLateOutvoted);
}

}  // namespace

AttackersFile::AttackersFile(const Adversary& adversary, std::vector<Absence> absences,
                             const std::filesystem::path& directory, std::uint64_t step)
    : adversary_(adversary),
      absences_(std::move(absences)),
      journal_(directory / kFileName, step) {}

std::size_t AttackersFile::add(std::uint64_t step, const Assignment& assignment) {
  std::vector<bool> lies = adversary_.byzantine(step, assignment);
  for (const Absence& absence : absences_) {
    if (step >= absence.from && step <= absence.to) lies[absence.worker] = false;
  }
  Json workers = Json::array();
  for (std::size_t worker = 0; worker < lies.size(); ++worker) {
    if (lies[worker]) workers.push_back(worker + 1);
  }
  const std::vector<std::uint32_t> owned = owned_slices(assignment, lies);
  const bool written =
      journal_.append({{"step", step}, {"attackers", std::move(workers)}, {"owned", owned}});
  if (!written && !has_warned_)
    log_warning("{}; the run goes on, lines are missing there", journal_.last_error());
  has_warned_ = has_warned_ || !written;
  return owned.size();
}

AttackersFound find_attackers(const std::filesystem::path& directory) {
  AttackersFound found;
  std::set<StepAndWorker> lies;
  std::set<std::uint64_t> steps;
  std::set<std::uint32_t> liars;
  for_each_line(directory / kFileName, [&](const Json& line, std::uint64_t step) {
    steps.insert(step);
    for (const Json& worker : line.value("attackers", Json::array())) {
      if (!worker.is_number_unsigned() || worker == 0) continue;
      lies.emplace(step, worker.get<std::uint64_t>());
      liars.insert(static_cast<std::uint32_t>(worker.get<std::uint64_t>() - 1));
    }
  });
  std::set<StepAndWorker> accused;
  for_each_line(directory / "ledger.jsonl", [&](const Json& line, std::uint64_t step) {
    const Json worker = line.value("worker", Json());
    if (accuses(line) && worker.is_number_unsigned() && steps.contains(step))
      accused.emplace(step, worker.get<std::uint64_t>());
  });
  found.lies = lies.size();
  for (const StepAndWorker& one : accused) ++(lies.contains(one) ? found.rightly : found.wrongly);
  found.liars.assign(liars.begin(), liars.end());
  return found;
}

}  // namespace detox
