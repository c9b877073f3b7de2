#include "config/foreign_options.hpp"

#include <algorithm>
#include <array>

#include "base/names.hpp"

namespace detox {
namespace {

constexpr std::string_view kOnCpus = "detoxml computes on CPUs only; leave it out";
constexpr std::string_view kInAnyCase = "detoxml computes on CPUs only";
constexpr std::string_view kOff = "0|cpu|false|no|none|off";
constexpr std::string_view kRate = "write --lr", kSteps = "write --max-steps",
                           kEpochs = "write --epochs", kRule = "write --mode",
                           kAttacks = "write --err-mode", kFolder = "write --train-dir",
                           kReplicas = "write --group-size", kBatch = "write --batch-size",
                           kNetwork = "write --network", kStart = "write --pretrained",
                           kDataFolder = "write --data-dir", kGoOn = "write --resume",
                           kSaved = "write --eval-freq", kOther = "write --overwrite";
constexpr std::string_view kLiars =
    "write --worker-fail (how many liars to simulate) or --assume-fail (how many to survive)";
constexpr std::string_view kWorkers =
    "write --workers; over MPI it follows from detoxml launch -n, which is P + 1";
constexpr std::string_view kOfLaunch =
    "it is an option of detoxml launch: detoxml launch -n 10 --hostfile FILE -- train ...";

/// By subject; a test sees that none is an option here.
constexpr std::array kForeign = {
    // Other processors
    ForeignOption{"accelerator", kOnCpus, false, kOff},
    ForeignOption{"cpu", kInAnyCase, true},
    ForeignOption{"cuda", kOnCpus, false, kOff},
    ForeignOption{"device", kOnCpus, false, kOff},
    ForeignOption{"disable-cuda", kInAnyCase, true},
    ForeignOption{"enable-gpu", kOnCpus, false, kOff},
    ForeignOption{"gpu", kOnCpus, false, kOff},
    ForeignOption{"gpu-id", kOnCpus, false, kOff},
    ForeignOption{"gpu-ids", kOnCpus, false, kOff},
    ForeignOption{"gpus", kOnCpus, false, kOff},
    ForeignOption{"ngpus", kOnCpus, false, kOff},
    ForeignOption{"no-cuda", kInAnyCase, true},
    ForeignOption{"no-gpu", kInAnyCase, true},
    ForeignOption{"num-gpus", kOnCpus, false, kOff},
    ForeignOption{"use-cuda", kOnCpus, false, kOff},
    ForeignOption{"use-gpu", kOnCpus, false, kOff},
    // The original's that changed nothing
    ForeignOption{"test-batch-size", "it changed no result; detoxml evaluate has --eval-batch-size",
                  true},
    ForeignOption{"save-model", "checkpoints are always written, see --eval-freq", true},
    // Optimizer
    ForeignOption{"gamma", "write --lr-gamma"},
    ForeignOption{"initial-learning-rate", kRate},
    ForeignOption{"initial-lr", kRate},
    ForeignOption{"learning-rate", kRate},
    ForeignOption{"lr-decay", "write --lr-gamma, with --lr-schedule step"},
    ForeignOption{"lr-scheduler", "write --lr-schedule"},
    ForeignOption{"opt", "leave it out: the optimizer is SGD, with --momentum"},
    ForeignOption{"optim", "leave it out: the optimizer is SGD, with --momentum"},
    ForeignOption{"optimizer", "leave it out: the optimizer is SGD, with --momentum"},
    ForeignOption{"scheduler", "write --lr-schedule"},
    ForeignOption{"step-size", "write --lr-step-size"},
    ForeignOption{"warmup", "write --warmup-steps"},
    ForeignOption{"wd", "write --weight-decay"},
    // How long
    ForeignOption{"iterations", kSteps},
    ForeignOption{"iters", kSteps},
    ForeignOption{"max-epochs", kEpochs},
    ForeignOption{"max-iterations", kSteps},
    ForeignOption{"max-iters", kSteps},
    ForeignOption{"nb-steps", kSteps},
    ForeignOption{"num-epochs", kEpochs},
    ForeignOption{"num-iterations", kSteps},
    ForeignOption{"num-steps", kSteps},
    ForeignOption{"steps", kSteps},
    // Workers and liars
    ForeignOption{"attack", kAttacks},
    ForeignOption{"attack-type", kAttacks},
    ForeignOption{"byz-type", kAttacks},
    ForeignOption{"byzantine", kLiars},
    ForeignOption{"f", kLiars},
    ForeignOption{"malicious", kLiars},
    ForeignOption{"n", kOfLaunch},
    ForeignOption{"n-byzantine", kLiars},
    ForeignOption{"n-workers", kWorkers},
    ForeignOption{"nb-byz", kLiars},
    ForeignOption{"nb-decl-byz", "write --assume-fail"},
    ForeignOption{"nb-honest", "write --workers, all of them, and --worker-fail, the liars"},
    ForeignOption{"nb-real-byz", "write --worker-fail"},
    ForeignOption{"nb-workers", kWorkers},
    ForeignOption{"num-byzantine", kLiars},
    ForeignOption{"num-clients", kWorkers},
    ForeignOption{"num-workers", kWorkers},
    ForeignOption{"world-size", kWorkers},
    // The defence
    ForeignOption{"aggregation", kRule},
    ForeignOption{"aggregator", kRule},
    ForeignOption{"defence", kRule},
    ForeignOption{"defense", kRule},
    ForeignOption{"gar", kRule},
    ForeignOption{"num-buckets", "write --buckets"},
    ForeignOption{"redundancy", kReplicas},
    ForeignOption{"replicas", kReplicas},
    ForeignOption{"replication", kReplicas},
    ForeignOption{"rule", kRule},
    // Network and data
    ForeignOption{"arch", kNetwork},
    ForeignOption{"bs", kBatch},
    ForeignOption{"data", "write --dataset (what) or --data-dir (where)"},
    ForeignOption{"data-path", kDataFolder},
    ForeignOption{"data-root", kDataFolder},
    ForeignOption{"dataset-name", "write --dataset"},
    ForeignOption{"finetune", kStart},
    ForeignOption{"micro-batch-size", kBatch},
    ForeignOption{"model", kNetwork},
    ForeignOption{"net", kNetwork},
    ForeignOption{"train-batch-size", kBatch},
    // Files
    ForeignOption{"checkpoint", "write --resume (go on) or --pretrained (a new run)"},
    ForeignOption{"checkpoint-dir", kFolder},
    ForeignOption{"continue", kGoOn},
    ForeignOption{"eval-batch-size", "it is an option of detoxml evaluate"},
    ForeignOption{"force", kOther},
    ForeignOption{"log-dir", kFolder},
    ForeignOption{"model-dir", "write --train-dir; --model-dir is an option of detoxml evaluate"},
    ForeignOption{"out", kFolder},
    ForeignOption{"output", kFolder},
    ForeignOption{"output-dir", kFolder},
    ForeignOption{"resume-from", kGoOn},
    ForeignOption{"save-dir", kFolder},
    ForeignOption{"save-freq", kSaved},
    ForeignOption{"save-interval", kSaved},
    ForeignOption{"work-dir", kFolder},
    // The job
    ForeignOption{"hostfile", kOfLaunch},
    ForeignOption{"manual-seed", "write --seed"},
    ForeignOption{"processes", kOfLaunch},
    ForeignOption{"random-seed", "write --seed"},
};

}  // namespace

std::span<const ForeignOption> foreign_options() { return kForeign; }

const ForeignOption* find_foreign_option(std::string_view name) {
  const std::string wanted = canonical_name(name);
  const auto found = std::ranges::find_if(kForeign, [&wanted](const ForeignOption& option) {
    return canonical_name(option.name) == wanted;
  });
  return found == kForeign.end() ? nullptr : &*found;
}

bool is_needless(const ForeignOption& option, std::string_view text) {
  if (option.needless || text.empty()) return option.needless;
  const std::string wanted = canonical_name(text);
  for (std::string_view rest = option.needless_values; !rest.empty();) {
    const std::size_t bar = std::min(rest.find('|'), rest.size());
    if (canonical_name(rest.substr(0, bar)) == wanted) return true;
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
  return false;
}

}  // namespace detox
