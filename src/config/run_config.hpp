// Everything a training run is configured with, as plain values. The one list of options
// (options.cpp) names each field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/choices.hpp"
#include "detox/aggregator.hpp"
#include "stages/attack/fail_schedule.hpp"
#include "stages/attack/occasions.hpp"
#include "stages/optimize/lr_schedule.hpp"

namespace detox {

/// P where neither the user nor MPI says it.
inline constexpr std::uint64_t kStandardWorkers = 9;

/// Defaults are those of `detoxml train --help`. Empty optionals are decided by resolve()
/// (plan.hpp) from other options. In the order in which people are told of them; there is one.
struct RunConfig {  // NOLINT(clang-analyzer-optin.performance.Padding)
  // What is trained
  std::string network = "LeNet";
  std::string pretrained;
  LastLayer pretrained_head = LastLayer::kFile;
  bool pretrained_momentum = false;
  std::string dataset = "FashionMNIST";
  std::string data_dir;
  std::uint64_t image_size = 32;  ///< kDefaultImageSize
  // The defence
  Approach approach = Approach::kDetox;
  std::optional<std::string> mode;  ///< kStandardRule; normal for maj_vote
  std::string inner_mode = "normal";
  std::uint64_t group_size = 3;
  bool lazy = false;
  std::uint64_t slices = 0;  ///< 0: floor(P / r)
  double audit_rate = 0.1;
  Arbiter arbiter = Arbiter::kAuto;  ///< resolved: kAuto is none
  double recheck = 0.05;
  std::uint64_t evict_after = 1;  ///< 0: never
  bool heal = false;
  std::uint64_t buckets = 0;
  std::optional<std::uint64_t> workers;  ///< kStandardWorkers; under MPI the world size minus one
  std::optional<std::uint64_t> assume_fail;
  RuleOptions rule;  ///< but for what make_plan() sets
  ClipStart clip_start = ClipStart::kZero;
  SliceWeights weights = SliceWeights::kOff;
  PlacementKind placement = PlacementKind::kRandom;
  std::string placement_key;
  VoteForm vote = VoteForm::kDigest;
  std::string compress_grad = "none";
  // The simulated attack
  std::uint64_t worker_fail = 0;
  std::string err_mode = "rev_grad";
  std::optional<double> adversarial;  ///< empty: the attack's own
  LisSimulation lis_simulation = LisSimulation::kNone;
  std::optional<double> alie_z = 1.0;  ///< empty: auto
  AlieSign alie_sign = AlieSign::kMinus;
  std::uint64_t alie_ddof = 1;
  bool attack_statistics = true;
  FailSchedule fail_schedule = FailSchedule::kAuto;
  double lie_rate = 1;
  LieWhen lie_when = LieWhen::kAlways;
  double silent_rate = 0;
  std::string absent;
  // The optimizer
  std::uint64_t batch_size = 32;
  std::uint64_t global_batch = 0;
  std::optional<double> lr;  ///< 0.01; 1e-4 where a rule is signSGD
  double momentum = 0.9;
  double weight_decay = 0;
  bool nesterov = false;
  LrShape lr_schedule = LrShape::kConstant;
  std::uint64_t warmup_steps = 0;
  std::uint64_t lr_step_size = 100;
  double lr_gamma = 0.1;
  std::uint64_t max_steps = 1000;
  std::uint64_t epochs = 0;
  std::uint64_t num_aggregate = 0;  ///< 0: all
  // The run
  std::uint64_t seed = 428;
  EngineKind engine = EngineKind::kAuto;
  std::uint64_t threads = 0;
  std::string learner;
  bool compute_every_replica = false;
  CommType comm_type = CommType::kBcast;
  double step_timeout = 60;
  double start_timeout = 600;
  std::uint64_t max_skipped = 20;
  OnDivergence on_divergence = OnDivergence::kStop;
  std::uint64_t eval_freq = 50;
  std::uint64_t keep_checkpoints = 0;
  Commit commit = Commit::kAll;
  std::string sign_key;
  std::string train_dir = "output/models";
  bool overwrite = false;
  std::string resume = "none";
  std::optional<std::uint64_t> checkpoint_step;
  std::string readmit;  ///< workers, from 1
  Numerics numerics = Numerics::kAuto;
  std::string replay;
  bool allow_other_numerics = false;
  std::uint64_t log_interval = 0;
  bool tensorboard = false;
  bool no_evaluate = false;

  /// No option: what was taken in another way than it was written, a line each for the user.
  std::vector<std::string> remarks;
};

}  // namespace detox
