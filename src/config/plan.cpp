#include "config/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/mistakes.hpp"
#include "config/notices.hpp"
#include "config/own_attack.hpp"
#include "config/remedies.hpp"
#include "config/rule_file.hpp"
#include "detox/errors.hpp"
#include "stages/aggregate/rule_options.hpp"
#include "stages/assign/placement.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kMostWorkers = 65535;  // as many rows as a rule takes
constexpr std::uint64_t kMostSamples = 1U << 28U;
constexpr std::size_t kLongestPart = 80;

std::string out_of_range(std::string_view option, double value, std::string_view range) {
  return fmt::format("--{} is {}; valid: {}", option, value, range);
}

/// Gradients, weights and lies are float32: what these are multiplied by has to be one, too.
bool is_float(double value) { return std::abs(value) <= std::numeric_limits<float>::max(); }

void check_ranges(const RunConfig& c, Mistakes& mistakes) {
  const auto check_range = [&mistakes](std::string_view option, double value, bool valid,
                                       std::string_view range) {
    if (!valid) mistakes.add(out_of_range(option, value, range));
  };
  const double lr = c.lr.value_or(1);
  check_range("lr", lr, is_float(lr) && static_cast<float>(lr) > 0,
              "1.4e-45 to 3.4e38, a float32 above 0");
  check_range("momentum", c.momentum, c.momentum >= 0 && static_cast<float>(c.momentum) < 1,
              "from 0 up to, not including, 1 as float32");
  check_range("weight-decay", c.weight_decay, c.weight_decay >= 0 && is_float(c.weight_decay),
              "0 to 3.4e38, a float32");
  check_range("adversarial", c.adversarial.value_or(0), is_float(c.adversarial.value_or(0)),
              "-3.4e38 to 3.4e38, a float32");
  check_range("lr-gamma", c.lr_gamma, c.lr_gamma > 0 && c.lr_gamma <= 1, "above 0, at most 1");
  check_range("lr-step-size", static_cast<double>(c.lr_step_size), c.lr_step_size >= 1, "from 1");
  check_range("step-timeout", c.step_timeout, c.step_timeout > 0 && c.step_timeout <= 1e6,
              "above 0, at most 1e6");
  check_range("start-timeout", c.start_timeout, c.start_timeout > 0 && c.start_timeout <= 1e6,
              "above 0, at most 1e6");
  check_range("batch-size", static_cast<double>(c.batch_size),
              c.batch_size >= 1 && c.batch_size <= kMostSamples, "from 1");
  check_range("global-batch", static_cast<double>(c.global_batch), c.global_batch <= kMostSamples,
              "off or from 1");
  check_range("max-steps", static_cast<double>(c.max_steps), c.max_steps >= 1, "from 1");
  check_range("max-skipped", static_cast<double>(c.max_skipped), c.max_skipped >= 1, "from 1");
  check_range("threads", static_cast<double>(c.threads), c.threads <= 1024, "auto or 1 to 1024");
  check_range("lie-rate", c.lie_rate, c.lie_rate >= 0 && c.lie_rate <= 1, "0 to 1");
  check_range("silent-rate", c.silent_rate, c.silent_rate >= 0 && c.silent_rate <= 1, "0 to 1");
  check_range("audit-rate", c.audit_rate, c.audit_rate > 0 && c.audit_rate <= 1,
              "above 0, at most 1");
  check_range("recheck", c.recheck, c.recheck >= 0 && c.recheck <= 1, "0 to 1");
  check_range("alie-ddof", static_cast<double>(c.alie_ddof), c.alie_ddof <= 1, "0, 1");
  if (c.nesterov && c.momentum == 0) mistakes.add("--nesterov needs --momentum above 0");
}

std::uint64_t parse_whole(std::string_view text, std::string_view whole) {
  std::uint64_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) {
    throw UsageError(fmt::format("--absent is '{}'; valid: WORKER:FROM-TO[,…], e.g. 3:10-20",
                                 whole.substr(0, kLongestPart)));
  }
  return number;
}

std::vector<Absence> parse_absences(std::string_view text, std::size_t workers) {
  std::vector<Absence> absences;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const std::size_t colon = std::min(part.find(':'), part.size());
    const std::string_view steps =
        colon < part.size() ? part.substr(colon + 1) : std::string_view();
    const std::size_t dash = std::min(steps.find('-'), steps.size());
    const std::uint64_t worker = parse_whole(part.substr(0, colon), text);
    const std::uint64_t from = parse_whole(steps.substr(0, dash), text);
    const std::uint64_t to = dash < steps.size() ? parse_whole(steps.substr(dash + 1), text) : from;
    if (worker < 1 || worker > workers || from < 1 || to < from) {
      throw UsageError(
          fmt::format("--absent {}: valid are workers 1 to {} and steps FROM <= TO from 1",
                      part.substr(0, kLongestPart), workers));
    }
    absences.push_back({static_cast<std::uint32_t>(worker - 1), from, to});
  }
  return absences;
}

/// Workers as in "3,7", counted from 0.
std::vector<std::uint32_t> parse_readmitted(std::string_view text, std::size_t workers) {
  std::vector<std::uint32_t> found;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    std::uint64_t worker = 0;
    const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), worker);
    if (error != std::errc() || end != one.data() + one.size() || worker < 1 || worker > workers) {
      throw UsageError(fmt::format("--readmit is '{}'; valid: workers 1 to {}, e.g. 3 or 3,7",
                                   text.substr(0, kLongestPart), workers));
    }
    found.push_back(static_cast<std::uint32_t>(worker - 1));
  }
  return found;
}

bool has_arbiter(const RunConfig& config) { return config.arbiter != Arbiter::kAuto; }

const AttackInfo& attack_of(const RunConfig& config) {
  return config.lis_simulation == LisSimulation::kSimulate ? lis_simulation_attack()
                                                           : attack_named(config.err_mode);
}

/// What is broken stays so, unless the worst case is asked for.
FailSchedule schedule_of(const RunConfig& config) {
  if (config.fail_schedule == FailSchedule::kWorstCase) return FailSchedule::kWorstCase;
  const bool is_auto = config.fail_schedule == FailSchedule::kAuto;
  const bool stay = config.fail_schedule == FailSchedule::kFixed || attack_of(config).stays ||
                    (is_auto && has_arbiter(config));
  return stay ? FailSchedule::kFixed : FailSchedule::kPerStep;
}

/// c, checked against what the attack makes of it.
double attack_parameter(const RunConfig& config, const AttackInfo& info, std::size_t slices) {
  if (!info.parameter) return config.adversarial.value_or(0);
  const double c = config.adversarial.value_or(info.parameter->standard);
  if (takes_parameter(*info.parameter, c, slices)) return c;
  throw UsageError(fmt::format("--err-mode {}: --adversarial is {}; valid: {}", info.name, c,
                               parameter_values(*info.parameter, slices)));
}

/// That liars who wait for an occasion can have one.
void check_occasions(const RunConfig& config, const Plan& plan) {
  if (config.worker_fail == 0 || attack_of(config).make({})->is_honest()) return;
  const Seating seating = plan.seating();
  const std::size_t least = seating.seats() / plan.k;
  const bool audits = plan.arbitrated && plan.arbitrated->dealing.most_audits() > 0;
  const std::size_t copies = audits ? plan.r + 1 : plan.is_lazy ? least / 2 + 1 : least;
  if (config.lie_when == LieWhen::kSecond && plan.r == 1 && !audits) {
    throw UsageError(
        "--lie-when second: each slice has one copy (r = 1); valid: always, or --group-size 3 or "
        "more");
  }
  if (config.lie_when == LieWhen::kSafe && config.worker_fail < copies) {
    throw UsageError(
        fmt::format("--lie-when safe: a slice gets {} copies or more, and --worker-fail {} is "
                    "fewer liars: they would never lie; valid: --worker-fail from {}",
                    copies, config.worker_fail, copies));
  }
}

AttackPlan plan_attack(const RunConfig& config, const Plan& plan) {
  check_occasions(config, plan);
  const AttackInfo& info = attack_of(config);
  AttackPlan attack;
  attack.attack = recorded_name(info);
  const double c = attack_parameter(config, info, plan.k);
  attack.options = {c, config.alie_z, config.alie_sign == AlieSign::kPlus ? 1.0 : -1.0,
                    static_cast<std::size_t>(config.alie_ddof)};
  attack.byzantine = config.worker_fail;
  attack.schedule = schedule_of(config);
  attack.occasions = {.lie_rate = config.lie_rate,
                      .lie_when = config.lie_when,
                      .silent_rate = config.silent_rate,
                      .is_lazy = plan.is_lazy,
                      .has_arbiter = plan.arbitrated.has_value()};
  attack.statistics = config.attack_statistics;
  attack.rule_rows = plan.rows;
  if (info.make(attack.options)->probes_defence()) attack.defence = plan.hierarchy;
  return attack;
}

/// How copies are dealt where an arbiter decides about them; nothing where none does.
std::optional<ArbiterPlan> plan_arbiter(const RunConfig& config, const Plan& plan) {
  if (!has_arbiter(config)) return std::nullopt;
  const bool audits = config.approach == Approach::kAudit;
  const double p = config.audit_rate;
  ArbiterPlan found;
  Dealing& dealing = found.dealing;
  dealing.workers = plan.workers;
  dealing.q = plan.q;
  dealing.audit_rate = audits && p < 1 ? p : 0;
  dealing.copies = !audits ? (config.lazy ? plan.r / 2 + 1 : plan.r) : p < 1 ? 1 : 2;
  const double share = audits ? static_cast<double>(dealing.copies) + dealing.audit_rate
                              : static_cast<double>(plan.r);
  dealing.slices =
      config.slices > 0
          ? config.slices
          : std::max<std::size_t>(
                1, static_cast<std::size_t>(std::floor(static_cast<double>(plan.workers) / share)));
  found.by_server = config.arbiter == Arbiter::kServer;
  found.recheck = config.recheck;
  const bool stay = schedule_of(config) == FailSchedule::kFixed || config.worker_fail == 0;
  found.evict_after = stay ? config.evict_after : 0;
  found.heals = config.heal;
  return found;
}

/// What an arbiter cannot be combined with.
void check_arbiter(const RunConfig& config, const Plan& plan) {
  const bool audits = config.approach == Approach::kAudit;
  if (!plan.arbitrated) return;
  Mistakes mistakes;
  const auto refuse = [&](bool is_there, std::string_view what, std::string_view why) {
    if (!is_there) return;
    mistakes.add(fmt::format("{} does not go with {}: {}", what,
                             audits ? "--approach audit" : "--arbiter", why));
  };
  refuse(audits && config.lazy, "--lazy", "it asks for a second copy of few slices already");
  refuse(config.num_aggregate > 0, "--num-aggregate", "whoever is first would not be compared");
  refuse(config.placement == PlacementKind::kFixed, "--placement fixed",
         "who compares with whom has to be drawn anew");
  refuse(config.vote == VoteForm::kBytes, "--vote bytes", "answers are promised by digest");
  if (config.heal && plan.arbitrated->evict_after == 0) {
    mistakes.add(fmt::format("--heal goes back when somebody is put out, and nobody is: {}",
                             config.evict_after == 0
                                 ? "--evict-after is never; valid: 1 or more"
                                 : "other workers are made to lie in each step; valid: "
                                   "--fail-schedule fixed"));
  }
  if (config.arbiter == Arbiter::kWorkers && plan.workers < 2 * plan.q + 1) {
    mistakes.add(
        fmt::format("--arbiter workers needs q + 1 honest workers, P >= 2q + 1: P = {}, q = {}; "
                    "valid: --arbiter server, --assume-fail {} or --workers {}",
                    plan.workers, plan.q, (plan.workers - 1) / 2, 2 * plan.q + 1));
  }
  mistakes.refuse();
}

/// That there are enough for r replicas, and more than attackers.
void check_workers(const RunConfig& config, const Plan& plan) {
  Mistakes mistakes;
  if (plan.workers < 1 || plan.workers > kMostWorkers) {
    throw UsageError(out_of_range("workers", static_cast<double>(plan.workers),
                                  fmt::format("1 to {}", kMostWorkers)));
  }
  if (plan.r % 2 == 0 && !has_arbiter(config)) {
    mistakes.add(fmt::format("--group-size is {}; valid: odd numbers, so that a vote cannot tie{}",
                             plan.r,
                             plan.r > 0 ? ", or any with --arbiter server, which decides" : ""));
  }
  if (plan.r > plan.workers) {
    mistakes.add(
        fmt::format("--group-size r = {} needs P >= r workers: P = {}", plan.r, plan.workers));
  }
  if (config.lazy && config.approach != Approach::kAudit && plan.r < 3) {
    mistakes.add(
        "--lazy asks for a further replica where two differ, and r = 1 leaves none; valid: "
        "--group-size 3 or more");
  }
  const bool is_audit = config.approach == Approach::kAudit;
  const std::size_t least = is_audit ? 1 : plan.workers / std::max<std::size_t>(1, plan.r);
  if (is_audit && config.slices > plan.workers) {
    mistakes.add(
        fmt::format("--slices k is {}; valid: 1 to P = {}, or auto", config.slices, plan.workers));
  } else if (config.slices > 0 && (config.slices < least || config.slices > plan.workers)) {
    mistakes.add(fmt::format(
        "--slices k is {}; valid: floor(P / r) = {} to P = {}, or auto; fewer slices are a larger "
        "--group-size",
        config.slices, least, plan.workers));
  }
  const auto check_attackers = [&](std::string_view option, std::uint64_t value) {
    if (value >= plan.workers) {
      mistakes.add(
          fmt::format("--{} is {}, but must be less than P: P = {}", option, value, plan.workers));
    }
  };
  check_attackers("worker-fail", config.worker_fail);
  // It may just follow that one.
  if (*config.assume_fail != config.worker_fail)
    check_attackers("assume-fail", *config.assume_fail);
  mistakes.refuse();
}

/// That a step can be taken with any num_aggregate slices, as any may be the first. They differ in
/// whether the trusted one is in its place, and in how many of the larger ones, which have the
/// lower numbers, are among them: of neighbours there is every such case.
void check_any_slices(const RunConfig& config, const Plan& plan, const Hierarchy& hierarchy) {
  std::vector<std::uint32_t> slices(plan.num_aggregate);
  const auto other = static_cast<std::uint32_t>(plan.k - plan.num_aggregate);
  std::iota(slices.begin(), slices.end(), other);
  const std::string unmet = other > 0 ? hierarchy.unmet_requirement(slices) : "";
  if (!unmet.empty()) {
    throw UsageError(
        fmt::format("--num-aggregate K = {}: any K of the k = {} slices may be first: {}",
                    plan.num_aggregate, plan.k, unmet));
  }
  for (std::uint32_t first = 0; plan.weighs_samples && first <= other; ++first) {
    std::iota(slices.begin(), slices.end(), first);
    const std::string light =
        hierarchy.unmet_weights(slice_samples(samples_per_step(config, plan), plan.k, slices));
    if (!light.empty()) throw UsageError(fmt::format("--weights samples: {}", light));
  }
}

}  // namespace

void check_values(const RunConfig& config, Mistakes& mistakes) {
  // A file is opened by the server alone: a worker's host need not have it.
  const auto check_rule = [&](const std::string& rule) {
    if (!is_rule_file(rule)) mistakes.in([&] { find_rule(rule); });
  };
  if (config.mode) check_rule(*config.mode);
  check_rule(config.inner_mode);
  mistakes.in([&] { attack_named(config.err_mode); });
  check_ranges(config, mistakes);
}

RunConfig resolve(RunConfig config, std::size_t world_workers) {
  if (config.approach == Approach::kBaseline) {
    // The default is what a file says that was recorded for another approach: that is no wish.
    if (config.group_size != 1 && config.group_size != RunConfig().group_size) {
      throw UsageError(
          fmt::format("--approach baseline has no redundancy (r = 1), but --group-size is {}; "
                      "valid: 1, or --approach detox",
                      config.group_size));
    }
    config.group_size = 1;
  }
  if (config.approach == Approach::kAudit) {
    const std::uint64_t copies = config.audit_rate < 1 ? 1 : 2;
    if (config.group_size != copies && config.group_size != RunConfig().group_size) {
      throw UsageError(
          fmt::format("--approach audit gives a slice one worker or two, and --group-size is {}; "
                      "valid: --audit-rate, or --approach detox --arbiter server",
                      config.group_size));
    }
    config.group_size = copies;
    if (config.arbiter == Arbiter::kNone) {
      throw UsageError(
          "--approach audit finds answers that differ, and --arbiter none decides about none; "
          "valid: server, workers");
    }
    if (config.arbiter == Arbiter::kAuto) config.arbiter = Arbiter::kServer;
    if (!config.mode) config.mode = "trimmed-mean";
    if (!config.assume_fail) config.assume_fail = std::max<std::uint64_t>(1, config.worker_fail);
  }
  if (config.arbiter == Arbiter::kNone) config.arbiter = Arbiter::kAuto;
  if (config.arbiter != Arbiter::kAuto && config.group_size < 2 &&
      config.approach != Approach::kAudit) {
    throw UsageError(
        "--arbiter decides where answers differ, and r = 1 leaves nothing that could; valid: "
        "--approach audit, or --group-size 2 or more");
  }
  if (!config.mode)
    config.mode = config.approach == Approach::kMajVote ? "normal" : std::string(kStandardRule);
  const RuleInfo &outer = rule_of(*config.mode), &inner = rule_of(config.inner_mode);
  config.mode = recorded_name(outer);
  config.inner_mode = recorded_name(inner);
  const AttackInfo& attack = attack_named(config.err_mode);
  config.err_mode = recorded_name(attack);
  if (world_workers > 0 && !attack.file.empty() && !is_of_file(attack)) {
    throw UsageError(fmt::format(
        "--err-mode {} is a function of another process, which no other machine's worker can ask; "
        "valid: a file of Python that has it (FILE.py), which each attacker loads, the local "
        "engine, or an attack of detoxml list",
        attack.name));
  }
  if (attack.is_lis_simulation) {
    // One attack under two names is one configuration.
    config.err_mode = RunConfig().err_mode;
    config.lis_simulation = LisSimulation::kSimulate;
  }
  // Whichever rule takes signs alone, the gradient that comes out is of size 1 in every coordinate.
  const bool takes_signs = outer.is_sign_majority || inner.is_sign_majority;
  if (!config.lr) config.lr = takes_signs ? 1e-4 : 0.01;
  if (world_workers > 0 && config.workers && *config.workers != world_workers) {
    throw UsageError(
        fmt::format("--workers is {}, but mpirun started {} processes, a server and {} workers",
                    *config.workers, world_workers + 1, world_workers));
  }
  if (world_workers > 0) config.workers = world_workers;
  if (!config.workers) config.workers = kStandardWorkers;
  if (!config.assume_fail) {
    const bool redundant = config.worker_fail == 0 && config.group_size >= 3;
    config.assume_fail = redundant ? (config.group_size - 1) / 2 : config.worker_fail;
  }
  return config;
}

Plan make_plan(const RunConfig& config) {
  Mistakes mistakes;
  check_ranges(config, mistakes);
  mistakes.refuse();
  if (!config.sign_key.empty() && config.commit == Commit::kOff)
    throw UsageError("--sign-key signs commitments, and --commit off makes none; give one of them");
  Plan plan;
  plan.workers = *config.workers;
  plan.r = config.group_size;
  plan.q = *config.assume_fail;
  check_workers(config, plan);
  plan.arbitrated = plan_arbiter(config, plan);
  check_arbiter(config, plan);
  plan.is_lazy = config.lazy && !plan.arbitrated;
  plan.k = config.slices > 0 ? config.slices : plan.workers / plan.r;
  if (plan.arbitrated) {
    plan.k = plan.arbitrated->dealing.slices;
    plan.r = plan.arbitrated->dealing.copies;
  }
  plan.b = config.buckets;
  if (config.approach == Approach::kMajVote && plan.b > 0)
    throw UsageError("--approach maj_vote has no buckets; use detox");
  if (plan.b > plan.k)
    throw UsageError(fmt::format("--buckets b = {} needs b <= k slices: k = {}", plan.b, plan.k));
  plan.num_aggregate = config.num_aggregate > 0 ? config.num_aggregate : plan.k;
  if (plan.num_aggregate > plan.k) {
    throw UsageError(fmt::format("--num-aggregate K = {} needs K <= k slices: k = {}",
                                 plan.num_aggregate, plan.k));
  }
  if (plan.b > plan.num_aggregate) {
    throw UsageError(fmt::format("--buckets b = {} needs b <= K slices: --num-aggregate K = {}",
                                 plan.b, plan.num_aggregate));
  }
  plan.f_eff = std::min(plan.k, plan.arbitrated
                                    ? plan.arbitrated->dealing.f()
                                    : effective_corruption(plan.q, plan.r, plan.seating().lists()));
  plan.votes_by_digest = plan.arbitrated || (config.vote == VoteForm::kDigest && plan.r > 1);
  plan.random_placement = config.placement == PlacementKind::kRandom;
  const RuleInfo &rule = rule_of(*config.mode), &inner = rule_of(config.inner_mode);
  plan.sign_codec = rule.is_sign_majority;
  plan.weighs_samples = config.weights == SliceWeights::kSamples;

  plan.keeps_last = rule.takes_start && config.clip_start == ClipStart::kLast;
  plan.hierarchy = {.inner_rule = &inner,
                    .outer_rule = &rule,
                    .buckets = plan.b,
                    .f_eff = plan.f_eff,
                    .rule = config.rule};
  plan.hierarchy.rule.rows_are_signs = plan.sign_codec;
  if (plan.b == 0 && !inner.is_mean) {
    throw UsageError(fmt::format("--inner-mode {} needs --buckets", inner.name));
  }
  const Hierarchy hierarchy(plan.hierarchy);
  const std::string unmet = hierarchy.unmet_requirement(plan.num_aggregate);
  if (!unmet.empty()) {
    const std::string help = remedies(plan);
    throw UsageError(fmt::format(
        "this defence cannot hold: {} (P = {}, r = {}, k = {}, q = {}, f_eff = {}{}{}){}{}", unmet,
        plan.workers, plan.r, plan.k, plan.q, plan.f_eff,
        plan.b > 0 ? fmt::format(", b = {}", plan.b) : "",
        plan.num_aggregate < plan.k ? fmt::format(", K = {}", plan.num_aggregate) : "",
        help.empty() ? "" : "; one of these helps: ", help));
  }
  if (plan.weighs_samples && plan.b > 0) {
    throw UsageError(
        "--weights samples are those of slices, and buckets leave none by itself; valid: "
        "--buckets off");
  }
  check_any_slices(config, plan, hierarchy);
  plan.rows = hierarchy.defender(plan.num_aggregate).rows;
  plan.attack = plan_attack(config, plan);
  plan.absences = parse_absences(config.absent, plan.workers);
  plan.readmitted = parse_readmitted(config.readmit, plan.workers);
  plan.notices = notices(config, plan);
  return plan;
}

std::size_t samples_per_step(const RunConfig& config, const Plan& plan) {
  if (config.global_batch == 0) return config.batch_size * plan.k;
  if (config.global_batch < plan.k) {
    throw UsageError(
        fmt::format("--global-batch {} leaves slices empty: it must be at least k = {}",
                    config.global_batch, plan.k));
  }
  return config.global_batch;
}

std::vector<double> slice_samples(std::size_t samples_per_step, std::size_t k,
                                  std::span<const std::uint32_t> slices) {
  std::vector<double> samples;
  samples.reserve(slices.size());
  for (const std::uint32_t slice : slices) {
    const Places places = bucket_places(samples_per_step, k, slice);
    samples.push_back(static_cast<double>(places.end - places.begin));
  }
  return samples;
}

std::uint64_t total_steps(const RunConfig& config, std::uint64_t steps_per_epoch) {
  if (config.epochs == 0 || config.epochs > config.max_steps / steps_per_epoch)
    return config.max_steps;
  return config.epochs * steps_per_epoch;
}

SgdOptions sgd_options(const RunConfig& config) {
  return {*config.lr, config.momentum, config.weight_decay, config.nesterov};
}

LrSchedule lr_schedule(const RunConfig& config, std::uint64_t total_steps) {
  LrSchedule schedule;
  schedule.shape = config.lr_schedule;
  schedule.base = *config.lr;
  schedule.warmup_steps = config.warmup_steps;
  schedule.step_size = config.lr_step_size;
  schedule.gamma = config.lr_gamma;
  schedule.total_steps = total_steps;
  return schedule;
}

}  // namespace detox
