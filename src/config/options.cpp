// The table of options, from which parser, help and configuration files come. Over 400 lines
// because it is one list: an option is looked for here, or among the attack's in attack_lines.cpp.
#include "config/options.hpp"

#include <fmt/format.h>

#include <initializer_list>

#include "base/words.hpp"
#include "comm/compression/compressor.hpp"
#include "config/option_lines.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

using C = RunConfig;

/// A rule's option, as its table has it.
Option line_of(const RuleOption& option) {
  const bool has_steps = rule_option_form(option) == "STEPS";
  return {.group = kDefence,
          .name = option.name,
          .field = &option,
          .empty_word = option.empty_word,
          .help = rule_option_help(option),
          .choices = option.words != nullptr ? option.words() : std::vector<std::string_view>(),
          .value = has_steps ? "STEPS" : "",
          .takes_list = has_steps,
          .is_newer = option.is_newer};
}

/// The options of rules from one to another, or to the last; both included.
std::vector<Option> rule_lines(std::string_view first, std::string_view last) {
  std::vector<Option> lines;
  bool is_there = false;
  for (const RuleOption& option : rule_options()) {
    is_there = is_there || option.name == first;
    if (is_there && !option.of_plan) lines.push_back(line_of(option));
    if (option.name == last) break;
  }
  return lines;
}

std::vector<Option> joined(std::initializer_list<std::vector<Option>> parts) {
  std::vector<Option> all;
  for (const std::vector<Option>& part : parts) all.insert(all.end(), part.begin(), part.end());
  for (Option& option : all) {
    const auto* choice = std::get_if<Choice>(&option.field);
    if (choice == nullptr) continue;
    option.choices = choice->words();
    option.choice_aliases = choice->aliases();
  }
  return all;
}

/// The compressors and their other names: first what leaves chunks as they are.
std::vector<std::string_view> compression_words() {
  std::vector<std::string_view> words;
  for (const bool packs : {false, true}) {
    for (const CompressorInfo& info : compressors()) {
      if ((info.make != nullptr) != packs) continue;
      words.push_back(info.name);
      if (!info.alias.empty()) words.push_back(info.alias);
    }
  }
  return words;
}

// The order is that of the help, of configuration files and of the digest. Read after main has
// begun alone, so that its place among static initialisers does not matter.
const std::vector<Option> kOptions = joined({
    {
        {.group = kTask,
         .name = "network",
         .field = &C::network,
         .help = "the network: LeNet, FC, ResNet18, VGG13, DenseNet121 … (detoxml list), or a "
                 "TorchScript module (path/to/model.pt)",
         .value = "NETWORK|FILE",
         .is_everyday = true},
        {.group = kTask,
         .name = "pretrained",
         .field = &C::pretrained,
         .empty_word = "none",
         .help = "start from the weights in this safetensors file, under PyTorch's names",
         .value = "FILE",
         .scope = Scope::kRun},
        {.group = kTask,
         .name = "pretrained-head",
         .field = choice<&C::pretrained_head>(),
         .help = "with --pretrained: fresh leaves the last layer as it is initialised, for another "
                 "number of classes",
         .scope = Scope::kRun},
        {.group = kTask,
         .name = "pretrained-momentum",
         .field = &C::pretrained_momentum,
         .help =
             "if --pretrained is the model_step_<t> of a run: also take the optimizer's momentum "
             "from the state_step_<t> beside it",
         .scope = Scope::kRun},
        {.group = kTask,
         .name = "dataset",
         .field = &C::dataset,
         .help = "the data set: Cifar10, Cifar100, FashionMNIST, MNIST, SVHN (detoxml list), or an "
                 "image folder with train/<class>/ and test/<class>/ (path/to/folder)",
         .value = "DATASET|DIR",
         .is_everyday = true},
        {.group = kTask,
         .name = "data-dir",
         .field = &C::data_dir,
         .empty_word = "auto",
         .help = "where the data lies; auto: ./data, then where Debian's package puts it",
         .value = "DIR",
         .scope = Scope::kRun,
         .is_everyday = true,
         .in_every_trial = true},
        {.group = kTask,
         .name = "image-size",
         .field = &C::image_size,
         .help = "image folders: N, images are resized and cropped to N x N"},
        {.group = kDefence,
         .name = "approach",
         .field = choice<&C::approach>(),
         .help = "baseline (r = 1), maj_vote (DRACO's repetition code: vote, then the mean), detox "
                 "(alias draco-lite), or audit (a second worker computes some slices, nobody knows "
                 "which; liars are convicted and put out)",
         .noun = "approach",
         .is_everyday = true},
        {.group = kDefence,
         .name = "mode",
         .field = &C::mode,
         .empty_word = "auto",
         .help = fmt::format("the robust rule over the voted rows (detoxml list), or a file with "
                             "yours (./my_rule.so); auto: {}, or normal for maj_vote",
                             kStandardRule),
         .value = "RULE|FILE",
         .is_everyday = true},
    },
    rule_lines("pre", "pre"),
    {
        {.group = kDefence,
         .name = "inner-mode",
         .field = &C::inner_mode,
         .help = "the rule inside a bucket",
         .value = "RULE|FILE"},
        {.group = kDefence,
         .name = "group-size",
         .field = &C::group_size,
         .help =
             "r, the workers that compute every slice; odd, or any from 2 with --arbiter; 1 under "
             "--approach baseline",
         .is_everyday = true},
        {.group = kDefence,
         .name = "lazy",
         .field = &C::lazy,
         .help = "ask r/2 + 1 workers for a slice first, and another one only where their answers "
                 "differ or one does not come: the same weights for less computing",
         .scope = Scope::kRun,
         .is_newer = true},
        {.group = kDefence,
         .name = "slices",
         .field = &C::slices,
         .empty_word = "auto",
         .help =
             "k, the slices of a step, P/r to P; above P/r workers stand in the lists of "
             "several, so that liars do as well; auto: P/r; under --approach audit 1 to P, auto: "
             "P/(1+p)",
         .is_newer = true},
        {.group = kDefence,
         .name = "audit-rate",
         .field = &C::audit_rate,
         .help =
             "p of --approach audit, above 0 to 1: the share of the slices that a second worker "
             "computes as well",
         .is_newer = true},
        {.group = kDefence,
         .name = "arbiter",
         .field = choice<&C::arbiter>(),
         .help = "who decides about a slice whose answers differ, and convicts: the server, which "
                 "computes it itself, or workers, of whom q + 1 have to send the same; auto: the "
                 "server under --approach audit, else none, and the majority counts",
         .is_newer = true},
        {.group = kDefence,
         .name = "recheck",
         .field = &C::recheck,
         .help = "the share, 0 to 1, of the slices with equal answers that go to the arbiter too: "
                 "against liars who lie only where all copies are theirs",
         .scope = Scope::kRun,
         .is_newer = true},
        {.group = kDefence,
         .name = "evict-after",
         .field = &C::evict_after,
         .empty_word = "never",
         .help = "a worker that was convicted in so many steps gets no more orders",
         .scope = Scope::kRun,
         .is_newer = true},
        {.group = kDefence,
         .name = "heal",
         .field = &C::heal,
         .help = "once somebody is put out, go back to before the first step that used what nobody "
                 "else had said, and take the steps again",
         .scope = Scope::kRun,
         .is_newer = true},
        {.group = kDefence,
         .name = "buckets",
         .alias = "bucket-size",
         .field = &C::buckets,
         .empty_word = "off",
         .help = "b, the number of buckets (the original's --bucket-size means this number too); "
                 "off: one row a bucket"},
        {.group = kDefence,
         .name = "workers",
         .field = &C::workers,
         .empty_word = "auto",
         .help = fmt::format("P, the workers; auto: {}, under MPI the processes minus one",
                             kStandardWorkers),
         .is_everyday = true},
        {.group = kDefence,
         .name = "assume-fail",
         .field = &C::assume_fail,
         .empty_word = "auto",
         .help = "q, how many liars to survive; auto: as many as --worker-fail simulates; if none, "
                 "(r-1)/2: 1 of every 3 replicas",
         .is_everyday = true},
    },
    rule_lines("krum-select", "semantics"),
    {
        {.group = kDefence,
         .name = "clip-start",
         .field = choice<&C::clip_start>(),
         .help = "where centered-clipping as --mode begins: at zero, or at its last result, which "
                 "is kept in checkpoints"},
        {.group = kDefence,
         .name = "weights",
         .field = choice<&C::weights>(),
         .help = "samples: a slice counts for as many samples as it has (those of --global-batch "
                 "differ), for rules that take weights (docs/rules.md)"},
    },
    rule_lines("weight-cap", ""),
    {
        {.group = kDefence,
         .name = "placement",
         .field = choice<&C::placement>(),
         .help = "which workers replicate a slice: drawn anew each step, or contiguous ranks"},
        {.group = kDefence,
         .name = "placement-key",
         .field = &C::placement_key,
         .empty_word = "from the seed",
         .help = "a file that only the server reads: placement and buckets cannot be predicted "
                 "without it",
         .value = "FILE",
         .scope = Scope::kRun},
        {.group = kDefence,
         .name = "num-aggregate",
         .field = &C::num_aggregate,
         .empty_word = "all",
         .help = "K: a step goes on with the first K slices that have a majority; the rule's "
                 "requirement has to hold for n = K"},
        {.group = kDefence,
         .name = "vote",
         .field = choice<&C::vote>(),
         .help = "over MPI: digest: workers send digests, and the server fetches one copy of what "
                 "wins; bytes: all send full copies",
         .scope = Scope::kRun},
        {.group = kDefence,
         .name = "compress-grad",
         .field = &C::compress_grad,
         .help = "over MPI: pack answers chunk by chunk; pays on links of 1 Gb/s or less "
                 "(docs/performance.md); compress is the original's name for blosc",
         .choices = compression_words(),
         .scope = Scope::kRun},
    },
    attack_lines(),
    {
        {.group = kOptimizer,
         .name = "batch-size",
         .field = &C::batch_size,
         .help = "samples in one slice",
         .is_everyday = true},
        {.group = kOptimizer,
         .name = "global-batch",
         .field = &C::global_batch,
         .empty_word = "off",
         .help =
             "instead: samples over all slices, so that approaches compare at equal total batch"},
        {.group = kOptimizer,
         .name = "lr",
         .field = &C::lr,
         .empty_word = "auto",
         .help = "learning rate; auto: 0.01, or 1e-4 where --mode or --inner-mode is signSGD",
         .is_everyday = true},
        {.group = kOptimizer,
         .name = "momentum",
         .field = &C::momentum,
         .help = "momentum, without dampening"},
        {.group = kOptimizer,
         .name = "weight-decay",
         .field = &C::weight_decay,
         .help = "weight decay (L2)"},
        {.group = kOptimizer,
         .name = "nesterov",
         .field = &C::nesterov,
         .help = "Nesterov momentum"},
        {.group = kOptimizer,
         .name = "lr-schedule",
         .field = choice<&C::lr_schedule>(),
         .help = "how the learning rate changes"},
        {.group = kOptimizer,
         .name = "warmup-steps",
         .field = &C::warmup_steps,
         .empty_word = "off",
         .help = "steps of linear warm-up before the schedule"},
        {.group = kOptimizer,
         .name = "lr-step-size",
         .field = &C::lr_step_size,
         .help = "with --lr-schedule step: the steps between two drops"},
        {.group = kOptimizer,
         .name = "lr-gamma",
         .field = &C::lr_gamma,
         .help = "with --lr-schedule step: the factor of a drop"},
        {.group = kOptimizer,
         .name = "max-steps",
         .field = &C::max_steps,
         .help = "the number of steps to train",
         .scope = Scope::kRun,
         .is_everyday = true},
        {.group = kOptimizer,
         .name = "epochs",
         .field = &C::epochs,
         .empty_word = "off",
         .help =
             "the number of epochs to train; the run ends with --max-steps or --epochs, whichever "
             "comes first",
         .scope = Scope::kRun},
        {.group = kRun,
         .name = "seed",
         .field = &C::seed,
         .help = "everything random derives from it",
         .is_everyday = true},
        {.group = kRun,
         .name = "engine",
         .field = choice<&C::engine>(),
         .help = "local: server and all workers in this process; mpi: under mpirun",
         .scope = Scope::kInvocation,
         .in_every_trial = true},
        {.group = kRun,
         .name = "threads",
         .field = &C::threads,
         .empty_word = "auto",
         .help =
             "threads of the local engine and of the server; auto: the cores that this process may "
             "use",
         .scope = Scope::kInvocation,
         .in_every_trial = true},
        {.group = kRun,
         .name = "learner",
         .field = &C::learner,
         .empty_word = "auto",
         .help =
             "the module that computes gradients; auto: DETOX_LEARNER, then the one that came with "
             "this program",
         .value = "FILE",
         .scope = Scope::kInvocation,
         .in_every_trial = true},
        {.group = kRun,
         .name = "compute-every-replica",
         .field = &C::compute_every_replica,
         .help = "local engine: compute a slice once for every replica instead of once (same bits, "
                 "r times the work)",
         .scope = Scope::kInvocation,
         .in_every_trial = true},
        {.group = kRun,
         .name = "comm-type",
         .field = choice<&C::comm_type>(),
         .help =
             "how weights travel over MPI: Bcast: over a tree of workers, every chunk checked by "
             "its digest; Async: from the server to each worker directly (the original's name)",
         .scope = Scope::kRun},
        {.group = kRun,
         .name = "step-timeout",
         .field = &C::step_timeout,
         .help = "seconds; the deadline of a step is the larger of this and 10 times the median "
                 "step, and at most the start timeout",
         .scope = Scope::kRun},
        {.group = kRun,
         .name = "start-timeout",
         .field = &C::start_timeout,
         .help = "seconds for start-up and the first step",
         .scope = Scope::kRun},
        {.group = kRun,
         .name = "max-skipped",
         .field = &C::max_skipped,
         .help = "steps in a row that may be undefendable before the run ends with exit code 3; a "
                 "resumed run counts anew",
         .scope = Scope::kRun},
        {.group = kRun,
         .name = "on-divergence",
         .field = choice<&C::on_divergence>(),
         .help =
             "where the weights are no longer finite: stop, with exit code 5 and the checkpoints "
             "so far, or continue to the last step; the newest finite checkpoint stays either way",
         .scope = Scope::kRun,
         .in_every_trial = true},
        {.group = kRun,
         .name = "eval-freq",
         .field = &C::eval_freq,
         .empty_word = "at the end",
         .help = "write a checkpoint every N steps, and at the end",
         .scope = Scope::kRun,
         .is_everyday = true,
         .in_every_trial = true},
        {.group = kRun,
         .name = "keep-checkpoints",
         .field = &C::keep_checkpoints,
         .empty_word = "all",
         .help = "how many of the newest checkpoints stay",
         .scope = Scope::kRun,
         .in_every_trial = true},
        {.group = kRun,
         .name = "commit",
         .field = choice<&C::commit>(),
         .help = "what each step leaves in commitments.jsonl, so that others can check it: digests "
                 "of the weights and state and of the answers that were used, or of the weights "
                 "and state alone",
         .scope = Scope::kRun,
         .in_every_trial = true},
        {.group = kRun,
         .name = "sign-key",
         .field = &C::sign_key,
         .empty_word = "off",
         .help =
             "a private key that only the server reads, of openssl genpkey -algorithm ed25519: it "
             "signs commitments.jsonl at each checkpoint (detoxml verify --key)",
         .value = "FILE",
         .scope = Scope::kInvocation,
         .in_every_trial = true},
        {.group = kRun,
         .name = "train-dir",
         .field = &C::train_dir,
         .help = "where the run's files go; a directory that holds another run is refused "
                 "(--overwrite)",
         .value = "DIR",
         .scope = Scope::kInvocation,
         .is_everyday = true,
         .in_every_trial = true},
        {.group = kRun,
         .name = "overwrite",
         .field = &C::overwrite,
         .help = "move an earlier run in --train-dir aside, to NAME.old-1 or the next free name; "
                 "refused while that run goes on",
         .scope = Scope::kInvocation,
         .is_everyday = true},
        {.group = kRun,
         .name = "resume",
         .field = &C::resume,
         .help = "go on from a checkpoint file, or auto: the newest in --train-dir",
         .value = "auto|FILE",
         .scope = Scope::kInvocation,
         .is_everyday = true,
         .in_every_trial = true},
        {.group = kRun,
         .name = "checkpoint-step",
         .field = &C::checkpoint_step,
         .empty_word = "off",
         .help = "go on from the checkpoint of this step in --train-dir",
         .scope = Scope::kInvocation,
         .in_every_trial = true},
        {.group = kRun,
         .name = "readmit",
         .field = &C::readmit,
         .empty_word = "nobody",
         .help = "with --resume: workers, 3 or 3,7, that were convicted and are other machines now",
         .value = "WORKERS",
         .scope = Scope::kInvocation,
         .in_every_trial = true,
         .is_newer = true},
        {.group = kRun,
         .name = "numerics",
         .field = choice<&C::numerics>(),
         .help = "which instruction sets gradients are computed with: native, the processor's; "
                 "portable, those that every processor with AVX2 has; auto: native, and under "
                 "detoxml launch portable where too few workers agree (docs/numerics.md)",
         .scope = Scope::kRun},
        {.group = kRun,
         .name = "replay",
         .field = &C::replay,
         .empty_word = "none",
         .help = "repeat the run in this directory with the local engine: each step takes only the "
                 "workers and slices that counted according to its rounds.jsonl",
         .value = "DIR",
         .scope = Scope::kRun,
         .in_every_trial = true},
        {.group = kRun,
         .name = "allow-other-numerics",
         .field = &C::allow_other_numerics,
         .help = "resume or replay under another numerical profile: the result is no longer "
                 "bit-identical",
         .scope = Scope::kInvocation,
         .in_every_trial = true},
        {.group = kRun,
         .name = "log-interval",
         .field = &C::log_interval,
         .empty_word = "auto",
         .help = "without a terminal, print a line every N steps; auto: 20 lines a run",
         .scope = Scope::kInvocation,
         .in_every_trial = true},
        {.group = kRun,
         .name = "tensorboard",
         .field = &C::tensorboard,
         .help = "also write what each step gave for TensorBoard, into the run's directory",
         .scope = Scope::kRun,
         .in_every_trial = true},
        {.group = kRun,
         .name = "no-evaluate",
         .field = &C::no_evaluate,
         .help = "do not score the trained network on the test set when the run has finished",
         .scope = Scope::kInvocation},
    },
});

}  // namespace

std::span<const Option> train_options() { return kOptions; }

}  // namespace detox
