// What the server of a run is made of, whichever engine computes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/dataset.hpp"
#include "base/ed25519.hpp"
#include "config/given_options.hpp"
#include "config/plan.hpp"
#include "engine/keys.hpp"
#include "round/replay.hpp"
#include "run/environment.hpp"

namespace detox {

/// Everything that is known before the first step; set_up() makes it.
struct TrainSetup {
  RunConfig config;
  Plan plan;
  std::unique_ptr<Dataset> data;
  bool data_is_registered = false;
  ModelLayout layout;
  ModelState initial;
  std::vector<float> initial_momentum;  ///< empty unless --pretrained-momentum has one
  std::size_t samples_per_step = 0;
  std::uint64_t last_step = 0;  ///< where this invocation ends
  std::uint64_t horizon = 0;    ///< where the configured run ends
  RunKeys keys{};
  std::optional<SigningKey> sign_key;
  LearnerFactory make_learner;
  std::string config_digest, profile;
  std::vector<std::string> profiles;  ///< that give the same bits: `profile`, and under MPI others
  std::vector<std::string> hosts;     ///< under MPI: see Evictions::Terms
  bool goes_on = false;  ///< continues a recorded run under MPI: the plan is for its workers
  std::optional<Replay> replay;  ///< see open_replay (replay_start.hpp)
};

/// What to begin with. A resumed run has the workers that it recorded, whatever the number of ranks
/// in the job: some may be left out, now as then.
struct StartingConfig {
  RunConfig config;
  std::optional<std::size_t> recorded_workers;  ///< unless the user wishes for another number
};

/// `world_workers`: the workers behind a transport; 0: the local engine's. InputError and
/// UsageError before anything is trained or, without --resume, written.
TrainSetup set_up(const StartingConfig& given, const Environment& environment,
                  std::size_t world_workers);

/// What follows from the number of workers, anew for those who were admitted. InputError where the
/// defence does not hold with them.
void plan_for(TrainSetup& setup, std::size_t admitted_workers);

/// Throws everything that is wrong with the user's options as one UsageError. Also looks for the
/// network and the data set, so only commands that start a run call it.
void check_names(const GivenOptions& given, const Environment& environment);

/// The configuration to begin with: the user's options over those of the run to resume or replay,
/// if there is one.
StartingConfig starting_config(const GivenOptions& given);

}  // namespace detox
