// The options of the simulated attack.
#include <fmt/format.h>

#include "config/option_lines.hpp"
#include "stages/attack/attack.hpp"

namespace detox {
namespace {

/// The attacks, and what c is to each: "crash, straggler (c: seconds), …".
std::string attack_help() {
  std::string text;
  for (const AttackInfo& info : attacks()) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", info.name);
    if (info.parameter) text += fmt::format(" (c: {})", info.parameter->meaning);
  }
  return text;
}

/// The standards of c: "-100; ipm -2, …".
std::string standards_help() {
  const double common = find_attack(RunConfig().err_mode).parameter->standard;
  std::string others;
  for (const AttackInfo& info : attacks()) {
    if (!info.parameter || info.parameter->standard == common) continue;
    others +=
        fmt::format("{} {} {}", others.empty() ? ";" : ",", info.name, info.parameter->standard);
  }
  return fmt::format("{}{}", common, others);
}

}  // namespace

std::vector<Option> attack_lines() {
  using C = RunConfig;
  return {
      {.group = kAttack,
       .name = "worker-fail",
       .field = &C::worker_fail,
       .help = "how many liars to simulate",
       .is_everyday = true},
      {.group = kAttack,
       .name = "err-mode",
       .field = &C::err_mode,
       .help = "what they send: " + attack_help() + " (docs/attacks.md)",
       .value = "ATTACK|FILE",
       .is_everyday = true},
      {.group = kAttack,
       .name = "adversarial",
       .field = &C::adversarial,
       .empty_word = "auto",
       .help = "c of --err-mode; auto: " + standards_help()},
      {.group = kAttack,
       .name = "lis-simulation",
       .field = choice<&C::lis_simulation>(),
       .help = "simulate: the original's way to say --err-mode alie (arXiv 1902.06156)"},
      {.group = kAttack,
       .name = "alie-z",
       .field = &C::alie_z,
       .empty_word = "auto",
       .help = "z of alie, in deviations; auto: the largest that the paper's formula affords in "
               "each step"},
      {.group = kAttack,
       .name = "alie-sign",
       .field = choice<&C::alie_sign>(),
       .help = "the mean minus or plus z deviations; the original's is plus"},
      {.group = kAttack,
       .name = "alie-ddof",
       .field = &C::alie_ddof,
       .help = "the deviation of alie divides by n - ddof; the original's is 0",
       .value = "0|1",
       .is_newer = true},
      {.group = kAttack,
       .name = "attack-statistics",
       .field = &C::attack_statistics,
       .help = "attacks act on batch-norm statistics too"},
      {.group = kAttack,
       .name = "fail-schedule",
       .field = choice<&C::fail_schedule>(),
       .help = "a fresh random set of attackers each step, one set for the run, or as many "
               "majorities as they can own; auto: fixed where an arbiter puts liars out, else "
               "per-step",
       .is_everyday = true},
      {.group = kAttack,
       .name = "lie-rate",
       .field = &C::lie_rate,
       .help = "the share, 0 to 1, of the slices of all steps in which liars lie; in the others "
               "they are honest",
       .is_newer = true},
      {.group = kAttack,
       .name = "lie-when",
       .field = choice<&C::lie_when>(),
       .help = "safe: liars lie only where all copies that a slice gets are theirs; first, "
               "second: only about that copy of a slice",
       .is_newer = true},
      {.group = kAttack,
       .name = "silent-rate",
       .field = &C::silent_rate,
       .help = "the share of steps, 0 to 1, in which a liar says nothing at all, each on its own",
       .is_newer = true},
      {.group = kAttack,
       .name = "absent",
       .field = &C::absent,
       .empty_word = "none",
       .help = "leave workers out of steps, e.g. 3:10-20,7:1-5 (worker by its number, from 1; "
               "steps inclusive)",
       .takes_list = true,
       .scope = Scope::kRun},
  };
}

}  // namespace detox
