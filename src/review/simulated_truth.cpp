#include "review/simulated_truth.hpp"

#include <algorithm>
#include <set>
#include <system_error>

#include "base/file.hpp"
#include "base/round_number.hpp"
#include "engine/adversary.hpp"
#include "engine/keys.hpp"
#include "record/rounds_file.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

/// In the order in which workers were asked; empty where it was another one.
std::optional<Assignment> assignment_of(const RecordedStep& step, const Plan& plan,
                                        const Key& placement) {
  std::vector<bool> away(plan.workers);
  if (plan.arbitrated && !step.away) return std::nullopt;
  for (const std::uint32_t worker : step.away.value_or(std::vector<std::uint32_t>()))
    away[worker] = true;
  const Assignment assignment =
      plan.arbitrated
          ? plan.deal(placement, round_number(step.attempt, step.step), away, step.put_out)
          : plan.assign(placement, step.step);
  for (std::size_t slice = 0; slice < step.slices.size(); ++slice) {
    std::vector<std::uint32_t> workers = assignment.workers_of_slice.at(slice);
    std::ranges::sort(workers);
    if (workers != step.slices[slice].assigned) return std::nullopt;
  }
  return assignment;
}

/// As Session::truth() has it of the step while it is taken.
SimulatedLies lies_of(const RecordedStep& step, const Plan& plan, const Adversary& adversary,
                      const Assignment& assignment) {
  std::vector<bool> absent(plan.workers);
  for (const Absence& absence : plan.absences) {
    if (step.step >= absence.from && step.step <= absence.to) absent[absence.worker] = true;
  }
  StepLies lies = adversary.lies(step.step, assignment, absent);
  std::set<std::uint32_t> attackers, silent;
  for (std::uint32_t slice = 0; slice < lies.liars.size(); ++slice) {
    std::vector<std::uint32_t> asked = step.slices[slice].assigned;
    asked.insert(asked.end(), step.slices[slice].more.begin(), step.slices[slice].more.end());
    for (const std::uint32_t worker : asked) {
      if (lies.tells({worker, slice})) attackers.insert(worker);
      if (lies.is_silent(worker)) silent.insert(worker);
    }
  }
  if (plan.arbitrated) {
    lies.owned.clear();
    for (std::uint32_t slice = 0; slice < step.slices.size(); ++slice) {
      const RecordedSlice& recorded = step.slices[slice];
      if (recorded.used && lies.tells({recorded.counted.front(), slice}))
        lies.owned.push_back(slice);
    }
  }
  return {.attackers = {attackers.begin(), attackers.end()},
          .silent = {silent.begin(), silent.end()},
          .owned = lies.owned};
}

}  // namespace

std::optional<std::vector<RecordedLies>> simulated_truth(const std::filesystem::path& folder,
                                                         const RunConfig& config,
                                                         const Plan& plan) {
  const std::filesystem::path file = folder / kRoundsFile;
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  const bool is_known = config.err_mode.find('/') == std::string::npos &&
                        config.placement_key.empty() && !plan.is_lazy && !error && size > 0 &&
                        size <= kMostRecordedBytes;
  if (!is_known) return std::nullopt;
  const RunKeys keys = run_keys(config);
  AttackPlan attack = plan.attack;
  attack.defence.reset();  // what is sent is not asked for
  const Adversary adversary(attack, keys.attack);
  if (!adversary.active()) return std::nullopt;
  const RecordedRounds rounds(file.string(), read_file(file), plan.workers, plan.k);
  std::vector<RecordedLies> truth;
  for (std::uint64_t number = rounds.first_step(); number <= rounds.last_step(); ++number) {
    const RecordedStep step = rounds.at(number);
    const std::optional<Assignment> assignment = assignment_of(step, plan, keys.server.placement);
    if (!assignment) return std::nullopt;
    truth.push_back(
        {round_number(step.attempt, step.step), lies_of(step, plan, adversary, *assignment)});
  }
  return truth;
}

}  // namespace detox
