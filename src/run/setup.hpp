// What the server of a run is made of, whichever engine computes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/dataset.hpp"
#include "config/given_options.hpp"
#include "config/plan.hpp"
#include "round/replay.hpp"
#include "run/environment.hpp"
#include "run/keys.hpp"

namespace detox {

/// Everything that is known before the first step. Made in one go by set_up; InputError and
/// UsageError before anything is trained or, without --resume, written.
struct TrainSetup {
  RunConfig config;
  Plan plan;
  std::unique_ptr<Dataset> data;
  ModelLayout layout;
  ModelState initial;
  std::vector<float> initial_momentum;  ///< empty unless --pretrained-momentum has one
  std::size_t samples_per_step = 0;
  std::uint64_t last_step = 0;  ///< where this invocation ends
  std::uint64_t horizon = 0;    ///< where the run as it is configured does
  RunKeys keys{};
  LearnerFactory make_learner;
  std::string config_digest, profile;
  std::vector<std::string> profiles;  ///< with the same bits: that one, and under MPI others
  bool goes_on = false;          ///< with a recorded run, under MPI: the plan is for its workers
  std::optional<Replay> replay;  ///< see open_replay (replay_start.hpp)
};

/// What to begin with. The workers of a run that goes on are those that it recorded, however many
/// ranks the job has: some of these may be left out, as they may have been then.
struct StartingConfig {
  RunConfig config;
  std::optional<std::size_t> recorded_workers;  ///< unless the user wishes for another number
};

/// `world_workers`: P behind a transport, else 0.
TrainSetup set_up(const StartingConfig& given, const Environment& environment,
                  std::size_t world_workers);

/// What follows from the number of workers, anew for those who were admitted. InputError where the
/// defence does not hold with them.
void plan_for(TrainSetup& setup, std::size_t admitted_workers);

/// All that is wrong with the user's options as they stand, in one UsageError: for whoever starts a
/// run, as it looks for the network and the data set, too.
void check_names(const GivenOptions& given, const Environment& environment);

/// The configuration to begin with: that of the run to be resumed, or to be replayed, where there
/// is one, under the user's own options.
StartingConfig starting_config(const GivenOptions& given);

}  // namespace detox
