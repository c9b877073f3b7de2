#include "cli/train_admission.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

#include "base/log.hpp"
#include "base/shell_line.hpp"
#include "cli/numerics.hpp"
#include "cli/own_program.hpp"
#include "cli/signals.hpp"
#include "cli/supervise.hpp"
#include "detox/errors.hpp"
#include "round/admission.hpp"
#include "round/probe_gradient.hpp"

namespace detox {
namespace {

/// What to do about workers whose bits differ; the launcher does it by itself.
std::string advice(const RunConfig& config, int processes) {
  if (profile_in_force() == kPortableProfile) return ", under the portable profile";
  if (config.numerics == "native") return "; --numerics native does not try the portable profile";
  if (under_launcher()) return "";
  std::vector<std::string> words = own_arguments();
  words.insert(words.end(), {"--numerics", kPortableProfile});
  return fmt::format("; start the job again, with your other options of mpirun: mpirun -n {} {}",
                     processes, shell_line(words));
}

/// Liars among the workers can be left out at the start, and so can prevent a defence that has no
/// room for it.
void warn_where_nobody_can_be_left_out(const TrainSetup& setup) {
  RunConfig fewer = setup.config;
  fewer.workers = setup.plan.workers - setup.plan.q;
  try {
    make_plan(fewer);
  } catch (const UsageError& error) {
    log_warning("with q = {} workers left out at the start this run would be refused: {}",
                setup.plan.q, error.what());
  }
}

/// A resumed run whose bits are those of the portable profile, in a job that was started natively.
bool needs_portable(const RunConfig& config) {
  return config.numerics == kPortableProfile && profile_in_force() != kPortableProfile &&
         vectors_of_this_processor() >= Vectors::kAvx2;
}

/// The workers that a run which goes on recorded and that nobody can be now: the last ones. They
/// are absent as by --absent, and stand behind the job's ranks.
void count_missing_as_absent(TrainSetup& setup, std::vector<int>& ranks, int processes) {
  const std::size_t here = ranks.size(), all = setup.plan.workers;
  if (here == all) return;
  for (std::size_t worker = here; worker < all; ++worker) {
    ranks.push_back(processes + static_cast<int>(worker - here));
    setup.plan.absences.push_back(
        {static_cast<std::uint32_t>(worker), 1, std::numeric_limits<std::uint64_t>::max()});
  }
  log_warning(
      "the run has {} workers, and {} take part now: {} are absent, and count among the q = {} "
      "that it bears",
      all, here, all - here, setup.plan.q);
}

/// The setup becomes that of those who are admitted.
std::vector<int> admit_fitting(TrainSetup& setup, const WorkerWelcome& welcome,
                               Transport& transport) {
  const AdmissionTerms terms{layout_digest(setup.layout), setup.data->digest(), setup.plan.q,
                             std::chrono::duration<double>(setup.config.start_timeout),
                             setup.goes_on ? std::optional(setup.plan.workers) : std::nullopt};
  Admission admission = admit_workers(transport, welcome, terms, stop_on_signals());
  setup.profile = admission.profile;  // the server itself computes no gradient
  if (setup.goes_on) count_missing_as_absent(setup, admission.ranks, transport.size());
  if (setup.goes_on || admission.left_out.empty()) return admission.ranks;
  try {
    plan_for(setup, admission.ranks.size());
  } catch (const InputError& error) {
    const bool numerics_matter =
        std::ranges::any_of(admission.left_out, &LeftOut::computes_other_bits);
    if (numerics_matter) throw DisagreementError(error.what());
    throw;
  }
  for (const std::string& notice : setup.plan.notices) log_line(notice);
  return admission.ranks;
}

}  // namespace

WorkerWelcome welcome_for(const TrainSetup& setup) {
  WorkerWelcome welcome;
  welcome.network = setup.config.network;
  welcome.dataset = setup.config.dataset;
  welcome.image_size = setup.config.image_size;
  welcome.data_dir = setup.config.data_dir;
  welcome.probe_key = setup.probe_key;
  welcome.probe_samples =
      std::min(kMostProbeSamples, std::max<std::size_t>(1, setup.samples_per_step / setup.plan.k));
  welcome.server_timeout_s = std::max(setup.config.start_timeout, 2 * setup.config.step_timeout);
  return welcome;
}

std::vector<int> admit(TrainSetup& setup, const WorkerWelcome& welcome, Transport& transport) {
  if (!setup.goes_on) warn_where_nobody_can_be_left_out(setup);
  try {
    if (needs_portable(setup.config))
      throw DisagreementError("this run is one of the portable profile");
    return admit_fitting(setup, welcome, transport);
  } catch (const DisagreementError& error) {
    throw DisagreementError(error.what() + advice(setup.config, transport.size()));
  }
}

}  // namespace detox
