#include "run/admission.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <string>

#include "base/counted.hpp"
#include "base/log.hpp"
#include "config/missing_workers.hpp"
#include "config/own_attack.hpp"
#include "config/rule_file.hpp"
#include "detox/errors.hpp"
#include "engine/admission.hpp"
#include "engine/probe_gradient.hpp"
#include "host/numerics.hpp"

namespace detox {
namespace {

/// Liars among the workers can be left out at the start, and so can prevent a defence that has no
/// room for it.
void warn_where_nobody_can_be_left_out(const TrainSetup& setup) {
  RunConfig fewer = setup.config;
  fewer.workers = setup.plan.workers - setup.plan.q;
  try {
    make_plan(fewer);
  } catch (const UsageError& error) {
    std::string why = error.what();
    for (std::size_t at = 0; (at = why.find('\n', at)) != why.npos;) why.replace(at, 1, "; ");
    log_warning("with {} left out at the start this run would be refused: {}",
                counted(setup.plan.q, "worker"), why);
  }
}

/// A resumed run whose bits are those of the portable profile, in a job that was started natively.
bool needs_portable(const RunConfig& config) {
  return config.numerics == Numerics::kPortable && profile_in_force() != kPortableProfile &&
         vectors_of_this_processor() >= Vectors::kAvx2;
}

/// That a run which goes on is defended without these of its workers, too.
void check_defence_without(const Plan& plan, std::span<const std::uint32_t> missing,
                           bool numerics_matter) {
  const std::string unmet = unmet_without(plan, missing);
  if (unmet.empty()) return;
  if (!is_always_unmet(plan)) {
    log_warning("steps in which workers that are missing meet in a slice may be skipped: {}",
                unmet);
    return;
  }
  const std::string message = fmt::format("without {} of its {} workers this run cannot go on: {}",
                                          missing.size(), plan.workers, unmet);
  if (numerics_matter) throw DisagreementError(message);
  throw InputError(message);
}

/// The rank of each worker that a run which goes on recorded. Those that nobody can be now are
/// absent as by --absent, and have ranks beyond the job's.
std::vector<int> ranks_of_workers(TrainSetup& setup, const Admission& admission, int processes) {
  Plan& plan = setup.plan;
  const std::size_t here = admission.ranks.size();
  if (here == plan.workers) return admission.ranks;
  const std::vector<std::uint32_t> missing = missing_workers(plan, admission.ranks);
  check_defence_without(plan, missing,
                        std::ranges::any_of(admission.left_out, &LeftOut::computes_other_bits));
  std::vector<int> ranks;
  std::vector<std::string> absent, present;
  for (std::uint32_t worker = 0; worker < plan.workers; ++worker) {
    if (std::ranges::binary_search(missing, worker)) {
      ranks.push_back(processes + static_cast<int>(absent.size()));
      absent.push_back(std::to_string(worker + 1));
      plan.absences.push_back({worker, 1, std::numeric_limits<std::uint64_t>::max()});
    } else {
      ranks.push_back(admission.ranks[present.size()]);
      present.push_back(fmt::format("{} is rank {}", worker + 1, ranks.back()));
    }
  }
  log_warning(
      "the run has {} workers, and {} take part now: without worker {}, which leaves room for {} "
      "that lie; worker {}",
      plan.workers, here, fmt::join(absent, ", "), plan.q - absent.size(),
      fmt::join(present, ", "));
  return ranks;
}

/// A server that decides what is true has to compute the bits that the workers do.
void check_arbiter(const TrainSetup& setup, const WorkerWelcome& welcome,
                   const Admission& admission) {
  if (!setup.plan.arbitrated || !setup.plan.arbitrated->by_server) return;
  const auto learner = setup.make_learner();
  const std::string own = probe_digest(*learner, setup.data->shape(), setup.data->classes(),
                                       welcome.probe_samples, welcome.probe_key);
  if (own == admission.probe_digest) return;
  throw InputError(fmt::format(
      "--arbiter server: this machine's probe gradient is not that of the workers (it computes "
      "under '{}', they under '{}'), so that it would convict honest ones; valid: --arbiter "
      "workers, or --numerics portable",
      learner->numerical_profile(), admission.profile));
}

/// Of each of these, as it says; empty for a worker that is missing.
std::vector<std::string> hosts_of(const std::vector<int>& ranks, const Admission& admission) {
  std::vector<std::string> hosts;
  hosts.reserve(ranks.size());
  for (const int rank : ranks) {
    const auto index = static_cast<std::size_t>(rank - 1);
    hosts.push_back(index < admission.hosts.size() ? admission.hosts[index] : "");
  }
  return hosts;
}

/// The setup becomes that of those who are admitted.
Admission admit_fitting(TrainSetup& setup, const WorkerWelcome& welcome, Transport& transport,
                        const std::atomic<bool>& stop) {
  const AdmissionTerms terms{
      .layout_digest = layout_digest(setup.layout),
      .data_digest = setup.data->digest(),
      .may_differ = setup.plan.q,
      .time_limit = std::chrono::duration<double>(setup.config.start_timeout),
      .workers = setup.goes_on ? std::optional(setup.plan.workers) : std::nullopt};
  Admission admission = admit_workers(transport, welcome, terms, stop);
  check_arbiter(setup, welcome, admission);
  setup.profile = admission.profile;  // the server's own does not matter otherwise
  setup.profiles = admission.profiles;
  if (setup.goes_on) admission.ranks = ranks_of_workers(setup, admission, transport.size());
  if (setup.goes_on || admission.left_out.empty()) return admission;
  try {
    plan_for(setup, admission.ranks.size());
  } catch (const InputError& error) {
    const bool numerics_matter =
        std::ranges::any_of(admission.left_out, &LeftOut::computes_other_bits);
    if (numerics_matter) throw DisagreementError(error.what());
    throw;
  }
  for (const std::string& notice : setup.plan.notices) log_line(notice);
  return admission;
}

}  // namespace

WorkerWelcome welcome_for(const TrainSetup& setup) {
  WorkerWelcome welcome;
  welcome.network = setup.config.network;
  welcome.dataset = setup.config.dataset;
  welcome.image_size = setup.config.image_size;
  welcome.data_dir = setup.config.data_dir;
  if (setup.plan.attack.defence) {
    for (const RuleInfo* rule :
         {setup.plan.hierarchy.outer_rule, setup.plan.hierarchy.inner_rule}) {
      if (!rule->file.empty()) welcome.rules.push_back(recorded_name(*rule));
    }
  }
  if (const AttackInfo& attack = attack_named(setup.plan.attack.attack);
      setup.plan.attack.byzantine > 0 && !attack.file.empty())
    welcome.attack = recorded_name(attack);
  welcome.probe_key = setup.keys.probe;
  welcome.probe_samples =
      std::min(kMostProbeSamples, std::max<std::size_t>(1, setup.samples_per_step / setup.plan.k));
  welcome.server_timeout_s = std::max(setup.config.start_timeout, 2 * setup.config.step_timeout);
  return welcome;
}

std::vector<int> admit(TrainSetup& setup, const WorkerWelcome& welcome, Transport& transport,
                       const std::atomic<bool>& stop) {
  if (!setup.goes_on) warn_where_nobody_can_be_left_out(setup);
  if (needs_portable(setup.config))
    throw DisagreementError("this run is one of the portable profile");
  Admission admission = admit_fitting(setup, welcome, transport, stop);
  setup.hosts = hosts_of(admission.ranks, admission);
  return std::move(admission.ranks);
}

}  // namespace detox
