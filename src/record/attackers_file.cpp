#include "record/attackers_file.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/file.hpp"
#include "base/round_number.hpp"
#include "record/ledger.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;
using RoundAndWorker = std::pair<std::uint64_t, std::uint64_t>;  ///< workers from 1

template <class Take>
void for_each_line(const std::filesystem::path& file, const Take& take) {
  const std::vector<std::byte> bytes = read_file(file);
  std::string_view text = text_of(bytes);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const Json line = Json::parse(text.substr(0, end), nullptr, /*allow_exceptions=*/false);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.is_object() || !line.contains("step") || !line["step"].is_number_unsigned()) continue;
    const Json attempt = line.value("attempt", Json(0U));
    if (attempt.is_number_unsigned())
      take(line, round_number(attempt.get<std::uint64_t>(), line["step"].get<std::uint64_t>()));
  }
}

bool accuses(const Json& entry) {
  return entry.value("accusation", Json()) == true ||
         entry.value("kind", Json()) == suspicion_name(Suspicion::kLateOutvoted);
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

AttackersFound find_attackers(const std::filesystem::path& directory) {
  AttackersFound found;
  std::set<RoundAndWorker> lies;
  std::set<std::uint64_t> rounds;
  std::set<std::uint32_t> liars;
  for_each_line(directory / kAttackersFile, [&](const Json& line, std::uint64_t round) {
    rounds.insert(round);
    for (const Json& worker : line.value("attackers", Json::array())) {
      if (!worker.is_number_unsigned() || worker == 0) continue;
      lies.emplace(round, worker.get<std::uint64_t>());
      liars.insert(static_cast<std::uint32_t>(worker.get<std::uint64_t>() - 1));
    }
  });
  std::set<RoundAndWorker> accused;
  for_each_line(directory / kLedgerFile, [&](const Json& line, std::uint64_t round) {
    const Json worker = line.value("worker", Json());
    if (accuses(line) && worker.is_number_unsigned() && rounds.contains(round))
      accused.emplace(round, worker.get<std::uint64_t>());
  });
  found.lies = lies.size();
  for (const RoundAndWorker& one : accused) ++(lies.contains(one) ? found.rightly : found.wrongly);
  found.liars.assign(liars.begin(), liars.end());
  return found;
}

}  // namespace detox
